"""Models that embed images and texts alike: CLIP, SigLIP and their kin, of Hugging Face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from camkit_core import Adapter, InputError, TargetError

# What each family's own processor asks of its tokenizer; of any other: as long as the longest text.
_PADDED = {"siglip": 64, "siglip2": 64, "align": 64}
_NO_MASK = ("siglip", "siglip2")  # trained to read the padding, too
_ALSO = ("token_type_ids",)


def adapter(model: Any, image_size: tuple[int, ...], call: dict[str, Any]) -> Adapter:
    """The image tower, by `get_image_features`; with texts in the call, the model as it is.

    The layer is the last one that passes the search's tests: in a ViT whose class token is read,
    the last block's first norm.
    """
    with_texts = len(call) > 1 and any(name in call for name in ("input_ids", "inputs_embeds"))
    return Adapter(entry=None if with_texts else "get_image_features", embed_texts=embed_texts)


def packed_adapter(model: Any, image_size: tuple[int, ...], call: dict[str, Any]) -> Adapter:
    """None: images packed into patches of several sizes are not read.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{type(model).__name__} takes images packed into patches, which camkit does not read; "
        f"load a checkpoint of SigLIP 2 for images of one size, such as "
        f"google/siglip2-base-patch16-224, which is a SiglipModel"
    )


def embed_texts(model: Any, texts: Sequence[str], tokenizer: Callable[..., Any] | None) -> Tensor:
    """The texts' embeddings (T, D), tokenised as the family's own processor does."""
    tokens = _tokens(model, texts, tokenizer or _tokenizer(model))
    output = model.get_text_features(**tokens)
    embedded: Tensor = output if isinstance(output, Tensor) else output.pooler_output
    return embedded


def _tokens(model: Any, texts: Sequence[str], tokenizer: Any) -> dict[str, Tensor]:
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor
    kind, config = model.config.model_type, model.config.text_config
    longest = getattr(config, "max_position_embeddings", None)
    length = min(_PADDED.get(kind, longest or 77), longest or 77)
    tokens = tokenizer(
        list(texts),
        padding="max_length" if kind in _PADDED else True,
        truncation=True,
        max_length=length,
        return_tensors="pt",
    )
    names = ("input_ids", *_ALSO, *(() if kind in _NO_MASK else ("attention_mask",)))
    if kind == "clip":
        names = ("input_ids", "attention_mask")
    return {name: tokens[name].to(model.device) for name in names if name in tokens}


def _tokenizer(model: Any) -> Callable[..., Any]:
    """The tokenizer that lies beside the model's weights.

    Raises:
        TargetError: if there is none.
    """
    where = getattr(model, "name_or_path", "") or getattr(model.config, "_name_or_path", "")
    give = (
        "load it yourself, TextTarget(text, tokenizer=AutoTokenizer.from_pretrained(...)), or pass "
        "the text's embedding, TextTarget(embedding)"
    )
    if not where:
        raise TargetError(
            f"{type(model).__name__} does not say where it was loaded from, so its tokenizer "
            f"cannot be found; {give}"
        )
    from transformers import AutoTokenizer

    try:
        tokenizer: Callable[..., Any] = AutoTokenizer.from_pretrained(where)
    except Exception as error:
        raise TargetError(
            f"no tokenizer could be loaded from {where!r}, where {type(model).__name__} comes "
            f"from ({type(error).__name__}); {give}"
        ) from error
    return tokenizer
