"""Ablations of tokens' channels: the quickest exact way."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ...forward.needed.short_tape import taken_apart
from ...forward.recording import Recording
from .attended_tokens import Attended, attended
from .early_mean import with_early_means
from .full_runs import flat, largest
from .leading_linear import LeadingLinear, leading_linear
from .needed_rows import attention_tape, can_be_rewritten, needed_tape
from .proof import proved, tail_outputs

TokenAblation = Attended | LeadingLinear


def token_ablation(recording: Recording) -> TokenAblation | None:
    """A way from channels of the tokens (N, T, C) to outputs without them, proved by two edits.

    None if no way is proved.
    """
    if recording.raw.ndim != 3 or not can_be_rewritten(recording):
        return None
    whole, short = attention_tape(recording), needed_tape(recording)
    found = attended(recording, whole, short) if short else None
    if found and proved(recording, "attended tokens", partial(_error, found)):
        return found
    tape = short or with_early_means(whole)
    for kind, each in (("apart ", taken_apart(tape)), ("", tape)):
        linear = leading_linear(recording, each) if each else None
        if linear and proved(recording, f"{kind}leading linear", partial(_error, linear)):
            return linear
    return None


def _error(way: TokenAblation, recording: Recording, edited: Tensor, slow: Tensor) -> float:
    """The largest error where the first and the last channel are set to zero.

    Replays of these edits stand in for the usual `edited` and `slow`.
    """
    tokens = recording.raw.detach()
    ends = torch.tensor([0, tokens.shape[2] - 1], device=tokens.device)
    edits = tokens.repeat(2, 1, 1, 1)
    edits[[0, 1], :, :, ends] = 0
    try:
        fast = flat(way.outputs(torch.zeros_like(tokens[:, 0]), ends), 2)
    except Exception:  # noqa: BLE001 - whatever a call may raise on other rows
        return torch.inf
    exact = flat(tail_outputs(recording, edits), 2)
    return float(largest(fast - exact, exact)) if fast.shape == exact.shape else torch.inf
