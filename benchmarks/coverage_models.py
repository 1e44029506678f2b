"""The models of the coverage report: their names, how they are built, and their images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

import camkit_core as camkit


@dataclass(frozen=True)
class Built:
    """A model with random weights, the shape (C, H, W) of what it takes, and what is explained."""

    model: nn.Module
    shape: tuple[int, ...]
    note: str = ""
    target: Any = None

    def images(self, count: int = 1) -> Tensor:
        """Smooth images, as photos are: (count, *shape), of unit variance."""
        generator = torch.Generator().manual_seed(1)
        *outer, height, width = self.shape
        coarse = torch.randn(count, *outer, 8, 8, generator=generator).flatten(1, -3)
        smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear")
        return (smooth / smooth.std()).view(count, *self.shape)


# timm


def timm_modules() -> dict[str, list[str]]:
    """The names of the models of each module."""
    found = {module: timm.list_models(module=module) for module in timm.list_modules()}
    return {module: names for module, names in found.items() if names}


def timm_module(name: str) -> str:
    """The module that registers a model."""
    return str(timm.models._registry._model_to_module[name])


LARGE, SMALLER = 512, 336  # a side that takes all day, and one that patches of 14 and 16 divide


def build_timm(name: str) -> Built:
    """A model of timm, and its own input size."""
    torch.manual_seed(0)
    model = timm.create_model(name)
    size = tuple(model.default_cfg["input_size"])
    note = "" if getattr(model, "num_classes", 1) else "no classes: its largest feature"
    if size[-1] > LARGE:
        model = timm.create_model(name, img_size=SMALLER)
        size, note = (size[0], SMALLER, SMALLER), f"at {SMALLER} pixels, not {size[-1]}"
    return Built(model, size, note)


def parameters(name: str) -> int:
    """How many parameters a model of timm has."""
    with torch.device("meta"):
        model = timm.create_model(name)
    return sum(parameter.numel() for parameter in model.parameters())


# torchvision


def torchvision_names(kind: str) -> list[str]:
    """The models of torchvision's classification (""), video, segmentation or detection."""
    import torchvision

    module = getattr(torchvision.models, kind) if kind else torchvision.models
    return list(torchvision.models.list_models(module=module))


def build_torchvision(name: str) -> Built:
    """A classifier of torchvision, and the size its weights were trained at."""
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None)
    side = getattr(model, "image_size", _crop(name))  # some are bound to the one they were made for
    return Built(model, (3, side, side))


def build_video(name: str) -> Built:
    """A video model of torchvision; 16 frames of the size its weights were trained at."""
    import torchvision

    torch.manual_seed(0)
    return Built(torchvision.models.get_model(name, weights=None), (3, 16, *2 * (_crop(name),)))


def build_segmentation(name: str) -> Built:
    """A segmentation network of torchvision; its class 1 is explained, in all of the image."""
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    target = camkit.SegmentationTarget(1, torch.ones(224, 224))
    return Built(model, (3, 224, 224), "class 1", target)


def build_detection(name: str) -> Built:
    """A detector of torchvision that counts all boxes; the class it finds first is explained."""
    import torchvision

    torch.manual_seed(0)
    surely = "box_score_thresh" if "rcnn" in name else "score_thresh"
    settings: dict[str, Any] = {surely: 0.0}
    if not name.startswith("ssd"):
        settings |= {"min_size": 320, "max_size": 480}
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, **settings)
    built = Built(model, (3, 320, 320))
    with torch.no_grad():
        found = model.eval()(built.images())[0]
    category = int(found["labels"][(found["scores"] * _some(found)).argmax()])
    return replace(built, note=f"class {category}", target=_best(category))


def _best(category: int) -> Callable[[Any], Tensor]:
    """The best score of a class among boxes that are some; 0 where the detector finds none."""

    def score(sample: Any) -> Tensor:
        return (sample["scores"] * ((sample["labels"] == category) & _some(sample))).amax()

    return score


def _some(sample: Any) -> Tensor:
    """Which boxes are more than a line; at random weights many lie along the image's edge."""
    return (sample["boxes"][:, 2:] - sample["boxes"][:, :2]).amin(1) >= 8


def _crop(name: str) -> int:
    import torchvision

    weights = torchvision.models.get_model_weights(name)
    crop = next(iter(weights)).transforms.keywords["crop_size"] if len(weights) else 224
    return int(crop if isinstance(crop, int) else crop[0])


# Hugging Face

LAYERS = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "num_self_attends_per_block",
)  # depths, made small


def huggingface_names() -> list[str]:
    """Each class that transformers maps an image-classification config to."""
    return sorted(_huggingface())


def build_huggingface(name: str) -> Built:
    """A model from its default config, with four layers where these can be counted."""
    torch.manual_seed(0)
    kind, config = _huggingface()[name]
    made = _config(config)
    for part in (made, getattr(made, "vision_config", None)):
        for depth in LAYERS:
            if isinstance(getattr(part, depth, None), int):
                setattr(part, depth, min(4, getattr(part, depth)))
    model = kind(made)
    vision = getattr(made, "vision_config", made)
    channels = getattr(vision, "num_channels", 3)
    return Built(model, (channels, *2 * (_side(vision),)))


def _huggingface() -> dict[str, tuple[Any, Any]]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    found = {}
    for config, kinds in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING.items():
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            found[kind.__name__] = kind, config
    return found


def _config(kind: Any) -> Any:
    if kind.model_type == "timm_wrapper":  # has no architecture of its own
        return kind(architecture="resnet18", num_labels=10)
    if kind.model_type == "perceiver":  # the default number does not fit two of the three models
        return kind(num_cross_attention_heads=1)
    return kind()


def _side(config: Any) -> int:
    size = getattr(config, "image_size", None) or 224
    return int(size if isinstance(size, int) else size[0])


BUILD: dict[str, Callable[[str], Built]] = {
    "timm": build_timm,
    "torchvision": build_torchvision,
    "video": build_video,
    "segmentation": build_segmentation,
    "detection": build_detection,
    "huggingface": build_huggingface,
}
