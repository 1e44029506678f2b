"""Ablations of tokens' channels in closed form, where a single attention reads the tokens.

Replacing channel c changes the tokens by d times the c-th unit vector, with d = value - channel at
each token. Queries, keys and values are affine in the tokens, so they change by d u, d w and d r,
with columns u, w and r of the weights. Of query i and key t the attention score becomes

    (q + d_i u) (k + d_t w) = q k + d_t q w + d_i u k + d_i d_t u w

which takes four products, each computed for all channels at once. The result is the new attention
times the values, plus the attention times d, times r. What follows is run for the rows that ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ...forward.counting import count
from ...forward.needed.demands import demands
from ...forward.needed.rows import Rows, leaves, together
from ...forward.needed.short_tape import rebuilt
from ...forward.recording import Recording
from ...forward.tape import Slot, Tape, slots_in
from .affine import affine_call
from .replay import batched_from

_Three = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Attended:
    """The one attention that reads the tokens.

    Attributes:
        tokens: the layer's output (N, T, C).
        tape: the calls for the rows that reach the output.
        position: of the attention on the tape.
        rows: the S tokens that ask.
        plain: query (N, h, S, D), key and value (N, h, T, D) of the tokens as they are.
        columns: what one more of channel c adds to query, key and value, each (C, h, D).
    """

    tokens: Tensor
    tape: Tape
    position: int
    rows: Rows
    plain: _Three
    columns: _Three

    @property
    def example(self) -> Tensor:
        """A tensor as large as one edit."""
        return self.tokens[:, self.rows.start : self.rows.stop]

    def outputs(self, values: Tensor, channels: Tensor) -> Any:
        """The model's outputs, M first, with each of M channels replaced by its value (N, C)."""
        many, images = len(channels), len(self.tokens)
        count("tail", many * images)
        slot = self.tape.calls[self.position].results[0]
        results = {slot: self._results(values, channels).flatten(0, 1)}
        return batched_from(self.tape, results, self.position, many, images)

    def _results(self, values: Tensor, channels: Tensor) -> Tensor:
        """The attention's result for M channels: (M, N, h, S, D)."""
        change = values[:, channels, None] - self.tokens[:, :, channels].mT
        of_keys = change[:, None, :, None]  # (N, 1, M, 1, T)
        attention = self._attention(of_keys, channels)
        value, added = self.plain[2], self.columns[2][channels].transpose(0, 1)[:, :, None]
        plain = (attention.flatten(2, 3) @ value).view(*attention.shape[:4], value.shape[-1])
        results = plain + (attention * of_keys).sum(-1, keepdim=True) * added
        return results.permute(2, 0, 1, 3, 4)

    def _attention(self, of_keys: Tensor, channels: Tensor) -> Tensor:
        """The attention (N, h, M, S, T) where the tokens' channels change by (N, 1, M, 1, T)."""
        query, key, _ = self.plain
        asking, asked = (columns[channels] for columns in self.columns[:2])
        of_queries = of_keys[..., self.rows.start : self.rows.stop].mT  # (N, 1, M, S, 1)
        by_key = torch.einsum("nhsd,mhd->nhms", query, asked)[..., None]
        by_query = torch.einsum("mhd,nhtd->nhmt", asking, key)[..., None, :]
        by_both = (asking * asked).sum(2).T[:, :, None, None]
        change = of_keys * by_key + of_queries * (by_query + of_keys * by_both)
        return (change * self._scale + self._plain_scores[:, :, None]).softmax(-1)

    @property
    def _scale(self) -> float:
        given = self.tape.calls[self.position].kwargs.get("scale")
        return float(self.plain[0].shape[-1] ** -0.5 if given is None else given)

    @property
    def _plain_scores(self) -> Tensor:
        """The scores of the tokens as they are, with the mask: (N, h, S, T)."""
        scores = self.plain[0] @ self.plain[1].mT * self._scale
        mask = self.tape.calls[self.position].kwargs.get("attn_mask")
        if mask is None:
            return scores
        masked = mask.dtype == torch.bool
        return scores.masked_fill(~mask, -torch.inf) if masked else scores + mask


def attended(recording: Recording, whole: Tape, short: Tape) -> Attended | None:
    """The one attention that reads the tokens (N, T, C); None if more does. Not proved.

    Args:
        recording: the forward pass.
        whole: its tape, with attention in one form.
        short: the same for the rows that reach the output.
    """
    position, own = _attention_on(short), _attention_on(whole)
    if position is None or own is None or not _read_by_it_alone(short, position):
        return None
    single, rows = _single_row(whole, own), _asking(whole, own)
    if single is None or rows is None:
        return None
    tokens = recording.raw.detach()
    before = short.like(short.calls[position].args)
    before.calls = short.calls[:position]
    given = batched_from(before, {0: tokens}, -1, 1, len(tokens))
    plain = given[0][0], given[1][0], given[2][0]
    fits = rows.axis == 1 and rows.count == plain[0].shape[2]
    fits = fits and plain[1].shape[2] == tokens.shape[1]
    return (
        Attended(tokens, short, position, rows, plain, _columns(single, tokens)) if fits else None
    )


def _attention_on(tape: Tape) -> int | None:
    """The position of the first attention, of slots alone and without more to it."""
    for position, call in enumerate(tape.calls):
        if call.function is F.scaled_dot_product_attention:
            more = any(call.kwargs.get(name) for name in ("dropout_p", "is_causal", "enable_gqa"))
            mask = isinstance(call.kwargs.get("attn_mask"), Slot)
            slots = len(call.args) == 3 and all(isinstance(each, Slot) for each in call.args)
            return position if slots and not more and not mask else None
    return None


def _read_by_it_alone(tape: Tape, position: int) -> bool:
    """Whether the attention alone reads what is before it, and all that is affine."""
    before, after = tape.calls[:position], tape.calls[position + 1 :]
    known = {0}.union(*(call.results for call in before))
    later = slots_in([(call.args, call.kwargs) for call in after])
    return known.isdisjoint(later) and all(map(affine_call, before))


def _single_row(whole: Tape, position: int) -> Tape | None:
    """From one token to its query, key and value; None if they are not of this token alone."""
    inputs = whole.calls[position].args
    wanted = {each.index: Rows(len(whole.sizes[each.index]) - 2, 0, 1) for each in inputs}
    steps = demands(whole, wanted)
    of_one = all(step.rows and step.rows.count == 1 for step in steps.values())
    constants = any(
        isinstance(leaf, Tensor) and where in step.need.reads  # such as an angle of each token
        for position, step in steps.items()
        for where, leaf in leaves(whole.calls[position])
    )
    return rebuilt(whole, steps, inputs) if of_one and not constants else None


def _asking(whole: Tape, position: int) -> Rows | None:
    """The tokens that the needed queries are of; None if they are all."""
    asked = demands(whole)[position].need.reads.get((0,))
    steps = demands(whole, {whole.calls[position].args[0].index: asked})
    return together(
        step.need.reads.get(where)
        for position, step in steps.items()
        for where, leaf in leaves(whole.calls[position])
        if leaf == Slot(0)
    )


def _columns(single: Tape, tokens: Tensor) -> _Three:
    """What one more of each channel adds to a token's query, key and value: (C, h, D)."""
    images, channels = len(tokens), tokens.shape[2]
    many = channels // images + 1  # so that at least one row is left of zeros
    rows = tokens.new_zeros(many * images, 1, channels)
    rows[:channels, 0] = torch.eye(channels, dtype=tokens.dtype, device=tokens.device)
    given = batched_from(single, {0: rows}, -1, many, images)
    query, key, value = (each.flatten(0, 1)[:, :, 0] for each in given)
    columns = [each[:channels] - each[channels] for each in (query, key, value)]
    return columns[0], columns[1], columns[2]
