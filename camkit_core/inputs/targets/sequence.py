"""The tokens of one image's text: which positions there are, and which logits are theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...errors import TargetError
from .protocol import ModelCall

TOKENS = ("decoder_input_ids", "input_ids")  # a decoder's own first: its logits are of these
_PLACEHOLDERS = ("image_token_id", "image_token_index", "video_token_id", "video_token_index")


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of a text, padding included.

    Attributes:
        length: how many there are.
        tokens: the tokens (length,); None where only their embeddings are known.
        first: the position of the first that is no padding.
        end: the position after the last that is no padding, that of the next token.
        placeholders: tokens that stand for an image.
        kept: the positions whose logits the model gives; None for all.
        prefix: positions whose logits have read what comes after them.
    """

    length: int
    tokens: tuple[int, ...] | None = None
    first: int = 0
    end: int = -1
    placeholders: frozenset[int] = frozenset()
    kept: tuple[int, ...] | None = None
    prefix: frozenset[int] = frozenset()

    @property
    def next(self) -> int:
        """The position of the token that is generated next."""
        return self.length if self.end < 0 else self.end

    def position(self, given: int) -> int:
        """A position counted from the start, for one that may be counted from the end.

        Raises:
            TargetError: for a position without token, or whose token no logit stands for.
        """
        position = given if given >= 0 else self.next + 1 + given
        if self.first < position <= self.next:
            return position
        where = f"{self.length} tokens"
        if (self.first, self.next) != (0, self.length):
            where += f", {self.first} to {self.next - 1} without padding"
        raise TargetError(
            f"TokenTarget({given}): the input has {where}; the model's logits are of the tokens at "
            f"{self.first + 1} to {self.next}, where {self.next}, or -1, is the one that is "
            f"generated next"
        )

    def token_at(self, position: int) -> int | None:
        """The token there; None for that which is generated next.

        Raises:
            TargetError: for the placeholder of an image.
        """
        if self.tokens is None or position >= self.next:
            return None
        if (token := self.tokens[position]) in self.placeholders:
            last = max(i for i, each in enumerate(self.tokens) if each in self.placeholders)
            raise TargetError(
                f"the token at {position} is a placeholder of the image, and no word; the tokens "
                f"after the image stand at {last + 1} to {self.next}"
            )
        return token

    def row(self, position: int) -> int:
        """Where the logit of the token at a position stands, counted from the end of the logits."""
        if position - 1 in self.prefix and position < self.next:
            raise TargetError(
                f"the model has read the token at {position} when it gives its logit, as its "
                f"token_type_ids are 0 there: a prompt is read as a whole. Explain tokens of the "
                f"answer, whose token_type_ids are 1; camkit.with_answer(inputs, generated) sets "
                f"them so"
            )
        if self.kept is None:
            return position - 1 - self.length
        if position - 1 not in self.kept:
            raise TargetError(
                f"logits_to_keep leaves out the logits of the token at {position}; leave it out"
            )
        return self.kept.index(position - 1) - len(self.kept)


def sequence_of(call: ModelCall, image: int) -> TokenSequence:
    """The tokens of one image's text, by the arguments of the model's call.

    Raises:
        TargetError: for a call without tokens, or with several images in a text.
    """
    given = call.arguments
    name = next((each for each in TOKENS if isinstance(given.get(each), Tensor)), "input_ids")
    ids, embedded = given.get(name), given.get("inputs_embeds")
    known = ids if isinstance(ids, Tensor) else embedded
    if not isinstance(known, Tensor) or known.ndim < 2:
        raise TargetError(
            f"TokenTarget explains a language model, which is given input_ids or decoder_input_ids "
            f"(N, tokens) beside its images; {type(call.model).__name__} was given "
            f"{', '.join(map(repr, given))}. Pass all that the processor makes: "
            f"camkit.explain(model, inputs, target=TokenTarget(-1))"
        )
    if len(known) != call.images and not call.output:
        raise _several_images(len(known), call.images)
    length = known.shape[1]
    tokens = tuple(_row(ids, image).tolist()) if isinstance(ids, Tensor) else None
    mask = "attention_mask" if name == "input_ids" else "decoder_attention_mask"
    first, end = _real(given.get(mask), image, length)
    kept = _kept(given.get("logits_to_keep"), length)
    prefix = _prefix(call.model, given.get("token_type_ids"), image)
    return TokenSequence(length, tokens, first, end, _placeholders(call.model), kept, prefix)


def _several_images(texts: int, images: int) -> TargetError:
    if texts == 1:
        return TargetError(
            f"the model reads {images} images in one text; for a map of each image's own part in "
            f"the token, pass output=lambda output: output.logits.expand({images}, -1, -1)"
        )
    return TargetError(
        f"got {images} images in {texts} texts; a map needs to know which are whose: pass one text "
        f"with its images at a time"
    )


def _row(tensor: Tensor, image: int) -> Tensor:
    return tensor[min(image, len(tensor) - 1)]


def _real(mask: Any, image: int, length: int) -> tuple[int, int]:
    """The first position that is no padding, and the one after the last."""
    if not isinstance(mask, Tensor) or mask.ndim != 2 or mask.shape[1] != length:
        return 0, length
    real = _row(mask, image).nonzero().flatten().tolist()
    return (real[0], real[-1] + 1) if real else (0, length)


def _placeholders(model: Any) -> frozenset[int]:
    config = getattr(model, "config", None)
    found = [getattr(config, name, None) for name in _PLACEHOLDERS]
    return frozenset(token for token in found if isinstance(token, int))


def _prefix(model: Any, types: Any, image: int) -> frozenset[int]:
    """The positions of a prompt that PaliGemma reads as a whole, in both directions.

    The logit at the last of them is that of the first token after the prompt.
    """
    kind = getattr(getattr(model, "config", None), "model_type", "")
    if kind != "paligemma" or not isinstance(types, Tensor) or types.ndim != 2:
        return frozenset()
    prompt = (_row(types, image) == 0).nonzero().flatten().tolist()
    return frozenset(i for i in prompt if i + 1 in prompt)


def _kept(keep: Any, length: int) -> tuple[int, ...] | None:
    """The positions whose logits a model gives, by transformers' `logits_to_keep`."""
    if isinstance(keep, Tensor) and keep.ndim == 1:
        return tuple(range(length)[position] for position in keep.tolist())
    if isinstance(keep, int) and keep > 0:
        return tuple(range(length))[-keep:]
    return None
