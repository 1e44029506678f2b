"""The inputs of a language model with its answer after the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..arguments import checked
from ..errors import InputError, InputTypeError, shown


def with_answer(inputs: Mapping[str, Any], generated: Tensor) -> dict[str, Any]:
    """What a processor made of a prompt, with what the model generated after it.

    One pass of the model then holds the logit of each word of the answer: `TokenTarget(p)`, for
    p from `inputs["input_ids"].shape[1]` to `generated.shape[1] - 1`.

    Args:
        inputs: all arguments of the model's call by name, `input_ids` (N, L) among them.
        generated: (N, L + answer), as `model.generate(**inputs)` returns it, prompt included.

    Returns:
        The same arguments for all tokens. What says something of each token, such as
        `attention_mask`, is continued: the answer is read, and is text.

    Raises:
        InputError: for inputs without tokens, or tokens that do not begin with the prompt.
    """
    ids = inputs.get("input_ids")
    checked("with_answer", "generated", generated, Tensor, (InputError, InputTypeError))
    if not isinstance(ids, Tensor) or ids.ndim != 2:
        raise InputError(f"expected input_ids (N, L) among the inputs; got {shown(ids)}")
    length = ids.shape[1]
    prompt = generated[:, :length] if generated.ndim == 2 else generated
    if prompt.shape != ids.shape or not torch.equal(prompt, ids.to(prompt.device)):
        raise InputError(
            f"expected what model.generate(**inputs) returns, which begins with the prompt "
            f"{tuple(ids.shape)}; got {tuple(generated.shape)}; where generate gives the answer "
            f"alone: torch.cat([inputs['input_ids'], answer], 1)"
        )
    answer = generated[:, length:].to(ids.device)
    of_tokens = {
        name: torch.cat([value, _continued(name, value, answer)], 1)
        for name, value in inputs.items()
        if isinstance(value, Tensor) and value.shape == ids.shape
    }
    return {**inputs, **of_tokens}


def _continued(name: str, value: Tensor, answer: Tensor) -> Tensor:
    """What a tensor (N, L) says of the answer's tokens."""
    if name == "input_ids":
        return answer.to(value)
    if name == "attention_mask":
        return torch.ones_like(answer).to(value)
    if name == "position_ids":
        steps = torch.arange(1, answer.shape[1] + 1, device=value.device)
        return (value[:, -1:] + steps).to(value)
    # Types of tokens: 1 is an image, as to Qwen and Gemma, or what follows the prompt, as to
    # PaliGemma, whose prompt is 0, image included.
    return torch.full_like(answer, 0 if bool(value.any()) else 1).to(value)
