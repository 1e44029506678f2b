"""Models of open_clip by name: an image tower and a text tower that share a space."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from ....errors import InputError, UnknownName, shown, unknown
from ..downloads import downloading, reach_hub
from ..preprocessing import Preprocessing
from ..source import ModelSource
from .libraries import library
from .suggestions import did_you_mean

_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors")


def clip(name: str) -> ModelSource:
    """CLIP models of open_clip, as ViT-B-32 or, with a tag of its weights, ViT-B-32/openai.

    Without a tag, the weights are those that open_clip lists first.

    Raises:
        UnknownName: for a model that open_clip does not know, or has no weights of that tag for.
        ImportFailed: without open_clip.
    """
    open_clip = library("open_clip", "clip")
    architecture, _, tag = name.partition("/")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    _check_known(open_clip, architecture, tag, tags)
    tag = tag or next(iter(tags), "")
    settings = open_clip.get_pretrained_cfg(architecture, tag)

    def made(pretrained: str | None) -> nn.Module:
        with _errors_alone():
            model: nn.Module = open_clip.create_model(
                architecture,
                pretrained,
                load_weights=pretrained is not None,
                force_quick_gelu=bool(settings.get("quick_gelu")),
                pretrained_text=False,
            )
        return model

    def pretrained() -> tuple[nn.Module, str]:
        _check_has_weights(name, tag)
        origin = settings.get("hf_hub") or settings["url"]
        with downloading(f"clip:{name}", origin.rstrip("/")):
            if settings.get("hf_hub"):
                reach_hub(settings["hf_hub"].rstrip("/"), _FILES)
            return made(tag), f"{architecture}/{tag}"

    return ModelSource(
        build=lambda classes: made(None),
        pretrained=pretrained,
        preprocessing=_preprocessing(open_clip, architecture, settings),
        task="text-image",
        tokenizer=lambda: _tokenizer(open_clip, architecture),
    )


clip.models = "camkit_core.inputs.models.sources.listed:clip_models"  # type: ignore[attr-defined]


def _check_known(open_clip: Any, architecture: str, tag: str, tags: list[str]) -> None:
    models = set(open_clip.list_models())
    if architecture not in models:
        close = did_you_mean(architecture, models)
        raise UnknownName(
            f"open_clip has no model named {shown(architecture)}.{close} All of them: `camkit "
            f"list-models clip:`"
        )
    if tag and tag not in tags:
        raise unknown(f"weights of clip:{architecture}", tag, tags)


def _check_has_weights(name: str, tag: str) -> None:
    if not tag:
        raise InputError(
            f"open_clip has no weights for {name}; give a checkpoint file (--weights FILE) or take "
            f"random weights (--weights none)"
        )


def _preprocessing(open_clip: Any, architecture: str, settings: Mapping[str, Any]) -> Preprocessing:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    side = open_clip.get_model_config(architecture)["vision_cfg"].get("image_size", 224)
    size = (side, side) if isinstance(side, int) else tuple(side)
    names = ("mean", "std", "interpolation", "resize_mode")
    chosen = PreprocessCfg(size=size, **{key: settings[key] for key in names if key in settings})
    transform = image_transform_v2(chosen, is_train=False)
    how = f"open_clip: {chosen.resize_mode}, {chosen.interpolation}"
    return Preprocessing(size, tuple(chosen.mean), tuple(chosen.std), transform, how)


def _tokenizer(open_clip: Any, architecture: str) -> Any:
    with downloading(f"the tokenizer of clip:{architecture}", architecture), _errors_alone():
        return open_clip.get_tokenizer(architecture)


@contextmanager
def _errors_alone() -> Iterator[None]:
    """Keep open_clip from telling the root logger that weights are random."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
