"""Targets of language models: one token's logit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from ...arguments import checked
from ...errors import TARGET_ERRORS, TargetError, TargetTypeError, shown
from ...pytree import outline
from .found import scores_in
from .protocol import ModelCall, Score
from .sequence import TokenSequence, sequence_of


@dataclass(frozen=True, eq=False)
class TokenTarget:
    """The logit (before softmax) of one token of a language model's text.

    The tokens are those of the input, followed by the one that the model generates next. So -1 is
    the token that is generated next, -2 the last one of the input, and 0 the first. The logit of
    the token at a position is what the model says after all tokens before it, so it stands one
    position earlier in the model's output. Padding, by the call's `attention_mask`, is not counted
    from the end; positions from 0 on count all of `input_ids`, padding on the left included.

    Args:
        position: of the explained token.
        token: the token whose logit is explained there, by its number, or by its text where there
            is a tokenizer. None for the token that stands there; of the one that is generated
            next, the model's own top choice in the plain image.
        tokenizer: of transformers, or a processor with one: from texts to tokens.

    Raises:
        TargetTypeError: for a position or token of another type, or a tokenizer that encodes none.
        TargetError: for a token's text without tokenizer, or one that is several tokens; and when
            it is used, for a position that the text has not, or one of padding or of an image.
    """

    position: int = -1
    token: int | str | None = None
    tokenizer: Any = field(default=None, kw_only=True, repr=False)
    _row: int | None = field(default=None, init=False, repr=False)  # of the logits
    _text: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        position = checked("TokenTarget", "position", self.position, int, TARGET_ERRORS)
        token = checked("TokenTarget", "token", self.token, int | str | None, TARGET_ERRORS)
        _set(self, position=position, token=token)
        tokenizer = getattr(self.tokenizer, "tokenizer", self.tokenizer)
        encodes = callable(getattr(tokenizer, "encode", None)) and not isinstance(tokenizer, str)
        if tokenizer is not None and not encodes:
            raise TargetTypeError(
                f"TokenTarget takes tokenizer= as one of transformers, which encodes texts; got "
                f"{shown(self.tokenizer)}"
            )
        _set(self, tokenizer=tokenizer)
        if isinstance(token, str):
            _set(self, token=_encoded(token, tokenizer), _text=token)

    @property
    def __name__(self) -> str:
        """What is explained, as `Explanation.describe` says it."""
        where = "next" if self.position == -1 else f"at {self.position}"
        if self.token is None:
            return f"token {where}"
        return f"token {self._text_of(self.token)} {where}"

    def __call__(self, sample: Any) -> Tensor:
        logits = self._logits(sample)
        return logits[self._token(logits)]

    def _token(self, logits: Tensor) -> int:
        token = int(logits.argmax()) if self.token is None else int(self.token)
        if not 0 <= token < len(logits):
            raise TargetError(
                f"token {token} is none of the model's {len(logits)} tokens; they are counted "
                f"from 0"
            )
        return token

    def of_logits(self, score: Callable[[Tensor, int], Tensor]) -> Score:
        """A target of another score: a function of all logits (V,) there, and the token."""
        return lambda sample: score(self._logits(sample), self._token(self._logits(sample)))

    def fixed(self, sample: Any) -> Score:
        """The same target with the model's top choice as token, where none is named."""
        if self.token is not None:
            return self
        return self._with(token=int(self._logits(sample).argmax()))

    def of_call(self, call: ModelCall, image: int) -> TokenTarget:
        """The same target for one image of a call: the row of its logit, and its token."""
        sequence = sequence_of(call, image)
        position = sequence.position(self.position)
        token = sequence.token_at(position) if self.token is None else self.token
        return self._with(token=token, _row=sequence.row(position))

    def _with(self, **values: Any) -> TokenTarget:
        target = replace(self)
        _set(target, **{"_row": self._row, "_text": self._text, **values})
        return target

    def _logits(self, sample: Any) -> Tensor:
        """The logits (V,) at the row."""
        found = scores_in(sample)
        if found is None or found[1].ndim != 2:
            raise TargetError(
                f"TokenTarget expects the logits of each position, (positions, tokens), for each "
                f"image, from the model; got {outline(sample)}"
            )
        logits = found[1]
        row = self._row
        if row is None:  # of a call that is not known
            row = TokenSequence(len(logits)).row(TokenSequence(len(logits)).position(self.position))
        if not -len(logits) <= row < 0:
            raise TargetError(
                f"the model gave the logits of its last {len(logits)} positions, and that of the "
                f"token at {self.position} is not among them; leave out logits_to_keep"
            )
        return logits[row]

    def _text_of(self, token: int | str) -> str:
        if self._text:
            return repr(self._text)
        if self.tokenizer is None or not hasattr(self.tokenizer, "decode"):
            return str(token)
        return repr(self.tokenizer.decode([int(token)]))


def _set(target: TokenTarget, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(target, name, value)


def _encoded(text: str, tokenizer: Any) -> int:
    """The only token that a text is."""
    if tokenizer is None:
        raise TargetError(
            f"TokenTarget(token={shown(text)}) needs the model's tokenizer to find the token: pass "
            f"tokenizer=processor.tokenizer, or the token's number"
        )
    tokens = [int(token) for token in tokenizer.encode(text, add_special_tokens=False)]
    if len(tokens) != 1:
        pieces = ", ".join(f"{each} ({tokenizer.decode([each])!r})" for each in tokens[:8])
        raise TargetError(
            f"{shown(text)} is {len(tokens)} tokens to this tokenizer: {pieces or 'none'}; explain "
            f"one of them, by its number. Within a sentence a word may begin with its space: "
            f"{' ' + text.strip()!r}"
        )
    return tokens[0]
