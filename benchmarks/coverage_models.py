"""The models of the coverage report: their names, how they are built, and their images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

import camkit_core as camkit


@dataclass(frozen=True)
class Built:
    """A model with random weights, the shape of its images, and what is explained.

    Attributes:
        model: the model.
        shape: (C, H, W), or (C, D, H, W) of videos.
        note: what its row in the table says.
        target: as for `explain`.
        call: from images to all that the model is given; None for the images alone.
    """

    model: nn.Module
    shape: tuple[int, ...]
    note: str = ""
    target: Any = None
    call: Callable[[Tensor], Any] | None = None

    def given(self, images: Tensor) -> Any:
        """What `explain` is given for images."""
        return images if self.call is None else self.call(images)

    def images(self, count: int = 1) -> Tensor:
        """Smooth images, as photos are: (count, *shape), with unit variance."""
        generator = torch.Generator().manual_seed(1)
        *outer, height, width = self.shape
        coarse = torch.randn(count, *outer, 8, 8, generator=generator).flatten(1, -3)
        smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear")
        return (smooth / smooth.std()).view(count, *self.shape)


# timm


def timm_modules() -> dict[str, list[str]]:
    """The names of the models of each module."""
    modules = {module: timm.list_models(module=module) for module in timm.list_modules()}
    return {module: names for module, names in modules.items() if names}


def timm_module(name: str) -> str:
    """The module that registers a model."""
    return str(timm.models._registry._model_to_module[name])


# In pixels. A larger model takes all day; patches of 14 and of 16 divide the smaller side.
LARGE, SMALLER = 512, 336


def build_timm(name: str) -> Built:
    """A model of timm at its own input size; a smaller one where that would take too long."""
    torch.manual_seed(0)
    model = timm.create_model(name)
    size = tuple(model.default_cfg["input_size"])
    classes = getattr(model, "num_classes", 1)
    note = "" if classes else "no classes: its largest feature"
    costly = not next(model.parameters()).is_meta
    if size[-1] > LARGE and costly:
        with suppress(TypeError):  # of a model that has one size
            model = timm.create_model(name, img_size=SMALLER)
            size, note = (size[0], SMALLER, SMALLER), f"at {SMALLER} pixels, not {size[-1]}"
    return Built(model, size, note, None if classes else torch.max)


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
    """A classifier of torchvision, at the size its weights were trained at."""
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None)
    side = getattr(model, "image_size", _crop(name))  # a ViT takes one size only
    return Built(model, (3, side, side))


def build_video(name: str) -> Built:
    """A video model of torchvision, with 16 frames of the size its weights were trained at."""
    import torchvision

    torch.manual_seed(0)
    return Built(torchvision.models.get_model(name, weights=None), (3, 16, *2 * (_crop(name),)))


def build_segmentation(name: str) -> Built:
    """A segmentation network of torchvision; class 1 is explained, over the whole image."""
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    target = camkit.SegmentationTarget(1, torch.ones(224, 224))
    return Built(model, (3, 224, 224), "class 1", target)


def build_detection(name: str) -> Built:
    """A detector of torchvision that returns all boxes; the class of its best box is explained."""
    import torchvision

    torch.manual_seed(0)
    threshold = "box_score_thresh" if "rcnn" in name else "score_thresh"
    settings: dict[str, Any] = {threshold: 0.0}
    if not name.startswith("ssd"):
        settings |= {"min_size": 320, "max_size": 480}
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, **settings)
    return Built(model, (3, 320, 320))


def with_best_box(built: Built) -> Built:
    """A detector of torchvision, and the class of its best box as the target."""
    with torch.no_grad():
        detections = built.model.eval()(built.images())[0]
    category = int(detections["labels"][(detections["scores"] * _has_area(detections)).argmax()])
    return replace(built, note=f"class {category}", target=_best(category))


def _best(category: int) -> Callable[[Any], Tensor]:
    """The best score of a class among boxes that have an area; 0 if there is none."""

    def score(sample: Any) -> Tensor:
        return (sample["scores"] * ((sample["labels"] == category) & _has_area(sample))).amax()

    return score


def _has_area(sample: Any) -> Tensor:
    """Which boxes are more than a line; with random weights many lie along the image's edge."""
    return (sample["boxes"][:, 2:] - sample["boxes"][:, :2]).amin(1) >= 8


def _crop(name: str) -> int:
    import torchvision

    weights = torchvision.models.get_model_weights(name)
    crop = next(iter(weights)).transforms.keywords["crop_size"] if len(weights) else 224
    return int(crop if isinstance(crop, int) else crop[0])


# Hugging Face

# Entries of a config that count layers; they are made small.
DEPTHS = ("num_hidden_layers", "num_layers", "n_layer", "num_self_attends_per_block")


def huggingface_names() -> list[str]:
    """Each class that transformers maps an image-classification config to."""
    return sorted(_huggingface())


def build_huggingface(name: str) -> Built:
    """A model from its default config, with four layers where these can be counted."""
    torch.manual_seed(0)
    model_class, config_class = _huggingface()[name]
    config = _config(config_class)
    for part in (config, getattr(config, "vision_config", None)):
        for depth in DEPTHS:
            if isinstance(getattr(part, depth, None), int):
                setattr(part, depth, min(4, getattr(part, depth)))
    model = model_class(config)
    vision = getattr(config, "vision_config", config)
    channels = getattr(vision, "num_channels", 3)
    return Built(model, (channels, *2 * (_side(vision),)))


def _huggingface() -> dict[str, tuple[Any, Any]]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    classes = {}
    for config_class, models in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING.items():
        for model_class in models if isinstance(models, tuple) else (models,):
            classes[model_class.__name__] = model_class, config_class
    return classes


def _config(config_class: Any) -> Any:
    if config_class.model_type == "timm_wrapper":  # has no architecture of its own
        return config_class(architecture="resnet18", num_labels=10)
    if config_class.model_type == "perceiver":  # the default does not fit two of the three models
        return config_class(num_cross_attention_heads=1)
    return config_class()


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
