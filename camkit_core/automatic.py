"""A target layer for models that no adapter knows, found by one forward and backward pass.

Every layer whose output is a grid over the image is a candidate. Of those whose gradient reaches
the whole grid, the last one outside attention and MLP, and before maps of the classes, is taken:
the norm before a transformer's last attention, or the last stage of a convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from .adapter import Adapter
from .contexts import hooked
from .errors import TargetError
from .layers import no_adapter
from .layouts import Layout, layout_of
from .targets import class_logits
from .trees import first_tensor, replace_first, tensors_in

REACHED = 0.9  # of a grid's places must have a gradient
_INNER = re.compile(r"att(n|ention)|mlp|ffn|feed_?forward", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A layer whose output is a grid over the image.

    Attributes:
        name: its dotted name.
        shape: of its output for one image.
        layout: how that is a grid.
        connected: whether the output depends on it in a way that autograd can follow.
        reach: the share of the grid's places that the top class has a gradient at.
        classes: whether its channels are the classes, so that the top class has one to itself.
    """

    name: str
    shape: tuple[int, ...]
    layout: Layout
    connected: bool
    reach: float
    classes: bool

    @property
    def channels(self) -> int:
        """How many channels the grid has."""
        return self.shape[1 if self.layout.channels_first else -1]


def survey(model: nn.Module, images: Tensor) -> list[Candidate]:
    """The candidates, in the order in which the layers end, from a pass of the first image.

    To be called where the model is left `untouched` (contexts.py).
    """
    outputs: dict[str, list[Tensor | None]] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            found = first_tensor(output)
            outputs.setdefault(name, []).append(found)
            # What follows may change what it is handed in place.
            return output if found is None else replace_first(output, found.clone())

        return hook

    leaf = images[:1].detach().clone().requires_grad_()
    with torch.enable_grad(), ExitStack() as stack:
        for name, module in model.named_modules():
            if name:
                stack.enter_context(hooked(module, note(name)))
        score = _score(model(leaf.clone()))
    once = {name: first for name, (first, *more) in outputs.items() if not more}
    seen = list(_laid_out(model, images, once))
    if not seen or not score.requires_grad:
        return []
    tensors = [tensor for _, tensor, _ in seen]
    gradients = torch.autograd.grad(score, tensors, allow_unused=True)
    return [
        _candidate(name, tensor.shape, layout, gradient)
        for (name, tensor, layout), gradient in zip(seen, gradients, strict=True)
    ]


def _laid_out(
    model: nn.Module, images: Tensor, outputs: Mapping[str, Tensor | None]
) -> Iterator[tuple[str, Tensor, Layout]]:
    """Those of the layers' outputs that are a grid, and how."""
    size, prefixes, latest = images.shape[2:], _prefixes(model), tuple[int, ...]()
    for name, output in outputs.items():
        if output is None or not output.requires_grad or len(output) != 1:
            continue
        layout = _slid(model.get_submodule(name), output.shape, size)
        layout = layout or layout_of(output.shape, size, prefixes, latest)
        if layout is not None:
            latest = output.shape[1 if layout.channels_first else -1], *layout.grid
            yield name, output, layout
        elif output.ndim == 3 and min(output.shape[1:]) > 1:
            latest = ()  # what follows may keep this one's axes, which nobody knows


def _slid(module: nn.Module, shape: Sequence[int], size: Sequence[int]) -> Layout | None:
    """The layout of signals that a window slid over, which is certain.

    A convolution of width 1 may stand for a linear layer on any axis, and one of a single channel
    may slide over what are channels elsewhere.
    """
    if len(size) != 1 or not isinstance(module, (nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d)):
        return None
    wide = module.kernel_size not in (1, (1,)) and len(shape) == 3 and shape[1] > 1
    return Layout("NCL", (shape[2],)) if wide and 1 < shape[2] <= size[0] else None


def _candidate(
    name: str, shape: Sequence[int], layout: Layout, gradient: Tensor | None
) -> Candidate:
    if gradient is None:
        return Candidate(name, tuple(shape), layout, False, 0.0, False)
    reached = (layout.reshape(gradient) if layout.reshape else gradient)[0] != 0
    share = float(reached.any(0).float().mean())
    alone = len(reached) > 1 and int(reached.flatten(1).any(1).sum()) == 1
    return Candidate(name, tuple(shape), layout, True, share, alone)


def pick(candidates: Sequence[Candidate], model: nn.Module) -> Candidate | None:
    """The candidate to explain; None if there is none that the gradient reaches.

    Where it is zero everywhere, as behind a head of zeros, the shapes alone decide.
    """
    connected = [one for one in candidates if one.connected]
    silent = not any(one.reach for one in connected)
    sound = [one for one in connected if silent or one.reach >= REACHED]
    before = [one for one in sound if not one.classes] or sound
    outside = [one for one in before if not _inside_attention(one.name, model)]
    return (outside or before)[-1] if sound else None


_picked: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], Candidate | None]]
_picked = WeakKeyDictionary()


def automatic_adapter(model: nn.Module, images: Tensor) -> tuple[Adapter, str]:
    """The adapter found for a model, and what it goes by; remembered for each image size.

    To be called where the model is left `untouched` (contexts.py).

    Raises:
        NoAdapter: if no layer is found, with the last ones whose output could be a map.
    """
    known = _picked.setdefault(model, {})
    size = tuple(images.shape[1:])
    if size not in known:
        known[size] = pick(survey(model, images), model)
    found = known[size]
    if found is None:
        raise no_adapter(model, images)
    adapter = Adapter(model.get_submodule(found.name), found.layout.reshape)
    return adapter, f"automatic: {found.layout}, its gradient reaches {found.reach:.0%} of it"


def _score(output: Any) -> Tensor:
    try:
        return class_logits(output).amax()
    except TargetError:
        pass
    floating = [t for t in tensors_in(output) if t.is_floating_point() and t.requires_grad]
    return torch.stack([(tensor.float() ** 2).sum() for tensor in floating]).sum()


def _prefixes(model: nn.Module) -> tuple[int, ...]:
    """Numbers of prefix tokens to try: what the model says of itself, then the usual ones."""
    said = getattr(model, "num_prefix_tokens", None)  # timm
    config = getattr(model, "config", None)  # Hugging Face
    if config is not None and hasattr(config, "num_register_tokens"):
        said = 1 + int(config.num_register_tokens)
    usual = (0, 1, 2, 5)
    return (said, *usual) if isinstance(said, int) else usual


def _inside_attention(name: str, model: nn.Module) -> bool:
    parts = name.split(".")[:-1]
    parents = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(
        _INNER.search(f"{part} {type(model.get_submodule(parent)).__name__}")
        for part, parent in zip(parts, parents, strict=True)
    )
