"""Targets of models that embed images and texts: where in the image is what a text says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor, nn

from ...arguments import as_list, checked
from ...errors import TARGET_ERRORS, TargetError, TargetTypeError, shown
from .similarity import vector

# How models name an image's embedding in what they return: those of transformers, of open_clip.
_NAMES = ("image_embeds", "image_features", "pooler_output")
Texts = str | Sequence[str] | Tensor


@dataclass(frozen=True, eq=False)
class TextTarget:
    """The cosine similarity of an image's embedding to that of a text, by the model's own towers.

    The text runs through the text tower once for a call, without gradients. Of several texts each
    image's most similar one is explained, as in zero-shot classification.

    Args:
        text: a text; several; or their embeddings (D,) or (T, D), by whatever made them.
        tokenizer: as the model's library makes it; None finds the model's own.
        against: further texts, or embeddings (D,) or (T, D): the score is then the similarity to
            the text, less the mean similarity to these.
        scale: what the score is multiplied by. Similarities lie close together, so a method that
            takes a softmax of scores, as Score-CAM does, needs the factor by which the model makes
            logits of them, which is about 100.

    Raises:
        TargetTypeError: for anything else.
        TargetError: for no text, or embeddings of other axes; for a model, on whose use alone it
            is known, that embeds no texts, or whose tokenizer cannot be found.

    Example:
        >>> explain(clip, images, target=TextTarget("a red car"))  # doctest: +SKIP
    """

    text: Texts
    tokenizer: Callable[..., Any] | None = None
    against: Texts = ()
    scale: float = 1.0

    def __post_init__(self) -> None:
        _check("text", self.text, at_least=1)
        _check("against", self.against, at_least=0)
        positive = Annotated[float, Interval(gt=0, le=1e6)]
        scale = checked("TextTarget", "scale", self.scale, positive, TARGET_ERRORS)
        object.__setattr__(self, "scale", scale)
        if self.tokenizer is not None and not callable(self.tokenizer):
            raise TargetTypeError(
                f"TextTarget takes tokenizer= as a function of texts; got {shown(self.tokenizer)}"
            )

    def __call__(self, sample: Any) -> Tensor:
        raise TargetError(
            "a TextTarget gets its text's embedding from the model: pass it to explain or compare "
            "as the target, or in a list with one for each image"
        )

    def each(self) -> list[TextTarget]:
        """A target for each of several texts: `targets` of `compare`, for maps from one pass."""
        texts = self.text
        rows = list(texts) if isinstance(texts, Tensor) and texts.ndim > 1 else _listed(texts)
        return [replace(self, text=text) for text in rows]

    def of_model(self, model: nn.Module, adapter: Any) -> TextScore:
        """The target with the texts' embeddings; they are computed here."""
        texts, others = (self._embedded(each, model, adapter) for each in (self.text, self.against))
        assert texts is not None
        return TextScore(texts, _names(self.text, len(texts)), others, self.scale)

    def _embedded(self, texts: Texts, model: nn.Module, adapter: Any) -> Tensor | None:
        """The embeddings (T, D) of texts; None of none."""
        if isinstance(texts, Tensor):
            return texts.detach().reshape(-1, texts.shape[-1])
        if not (listed := _listed(texts)):
            return None
        embed = getattr(adapter, "embed_texts", None)
        if embed is None:
            raise TargetError(
                f"no adapter knows how {type(model).__name__} embeds texts; pass the text's "
                f"embedding (D,), as its text tower gives it: TextTarget(embedding)"
            )
        with torch.no_grad():
            embedded: Tensor = embed(model, listed, self.tokenizer)
        return embedded.detach()


@dataclass(frozen=True, eq=False)
class TextScore:
    """The similarity to texts whose embeddings are known; of several, to the most similar one.

    Attributes:
        embeddings: (T, D), of the texts.
        names: of the texts.
        others: (S, D), of the texts that it is compared with; None if there are none.
        scale: what the score is multiplied by.
    """

    embeddings: Tensor
    names: tuple[str, ...]
    others: Tensor | None = None
    scale: float = 1.0

    @property
    def __name__(self) -> str:
        return self.names[0] if len(self.names) == 1 else "the most similar text"

    @property
    def kind(self) -> tuple[Any, ...]:
        """What it has in common with targets for which the same layer is explained."""
        return type(self), self.embeddings.shape, self.others is None

    def __call__(self, sample: Any) -> Tensor:
        score = self.similarities(sample).amax()
        if self.others is not None:
            score = score - _similarities(image_embedding(sample), self.others).mean()
        return score if self.scale == 1 else self.scale * score

    def similarities(self, sample: Any) -> Tensor:
        """The cosine similarity (T,) of an image to each text, of the model's output for it."""
        return _similarities(image_embedding(sample), self.embeddings)

    def fixed(self, sample: Any) -> TextScore:
        """The same for the text that is the most similar one of the plain image."""
        best = int(self.similarities(sample).argmax())
        return replace(
            self, embeddings=self.embeddings[best : best + 1], names=self.names[best : best + 1]
        )


def image_embedding(sample: Any) -> Tensor:
    """The image's embedding (D,) in one sample's output: the part named so, or its only vector."""
    for name in _NAMES:
        value = sample.get(name) if isinstance(sample, Mapping) else getattr(sample, name, None)
        if isinstance(value, Tensor) and value.ndim == 1:
            return value
    return vector(sample, None)


def _similarities(embedding: Tensor, texts: Tensor) -> Tensor:
    if embedding.shape != texts.shape[1:]:
        raise TargetError(
            f"the image's embedding has {len(embedding)} numbers, and the text's has "
            f"{texts.shape[1]}; pass embeddings that the same model makes of texts"
        )
    return _directions(texts.to(embedding)) @ _directions(embedding)


def _directions(vectors: Tensor) -> Tensor:
    """Vectors (..., D) of length 1, as the models make them; torch's own cosine shortens tiny ones.

    A vector of zeros stays one.
    """
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors.div(lengths.clamp(min=torch.finfo(vectors.dtype).tiny))


def _listed(texts: Texts) -> list[Any]:
    return [texts] if isinstance(texts, (str, Tensor)) else as_list(texts) or []


def _names(texts: Texts, count: int) -> tuple[str, ...]:
    if not isinstance(texts, Tensor):
        return tuple(_listed(texts))
    return ("text",) if count == 1 else tuple(f"text {index}" for index in range(count))


def _check(name: str, texts: Any, at_least: int) -> None:
    """Raise TargetError or TargetTypeError for what can be no texts."""
    if isinstance(texts, Tensor):
        if not texts.is_floating_point():
            raise TargetTypeError(f"{_EXPECTED[name]}; got {shown(texts)}")
        if texts.ndim not in (1, 2) or 0 in texts.shape:
            raise TargetError(f"{_EXPECTED[name]}; got {shown(texts)}")
        return
    listed = [texts] if isinstance(texts, str) else as_list(texts)
    if listed is None or not all(isinstance(text, str) for text in listed):
        raise TargetTypeError(f"{_EXPECTED[name]}; got {shown(texts)}")
    if len(listed) < at_least or not all(text.strip() for text in listed):
        raise TargetError(f"{_EXPECTED[name]}, none of them empty; got {shown(texts)}")


_FORMS = "a text, a list of texts, or embeddings (D,) or (T, D) in floating point"
_EXPECTED = {name: f"TextTarget takes {name}= as {_FORMS}" for name in ("text", "against")}
