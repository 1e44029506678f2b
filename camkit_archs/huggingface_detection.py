"""Hugging Face's detectors: DETR and its family, the RT-DETR family, LW-DETR, RF-DETR, YOLOS.

The explained layer is what the transformer, or the decoder, reads of the image: before it, each
position of a feature map still is a place of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from camkit_core import Adapter

from .huggingface_boxes import each_class, one_class_or_none, size_within

Size = tuple[int, int]  # height and width
Call = Mapping[str, Any]  # the arguments of the model's call, by name


def detr_adapter(model: Any, image_size: Size, call: Call) -> Adapter:
    """DETR, Table Transformer: the backbone's end; one of the classes is no object."""
    layer, levels = _backbone(model)
    output = one_class_or_none(size_within(call, image_size))
    return Adapter(layer, output=output, key=(levels - 1, 0))


def sigmoid_adapter(model: Any, image_size: Size, call: Call) -> Adapter:
    """Conditional DETR, DAB-DETR: the backbone's end."""
    layer, levels = _backbone(model)
    output = each_class(size_within(call, image_size))
    return Adapter(layer, output=output, key=(levels - 1, 0))


def deformable_adapter(model: Any, image_size: Size, call: Call) -> list[Adapter]:
    """Deformable DETR: the backbone's stages, all of which the encoder reads."""
    layer, levels = _backbone(model)
    first = levels - 1 if model.config.num_feature_levels == 1 else 0
    size = size_within(call, image_size)
    return _pyramid(layer, [(level, 0) for level in range(first, levels)], size)


def projected_adapter(model: Any, image_size: Size, call: Call) -> list[Adapter]:
    """LW-DETR: the backbone's projections, which the decoder reads."""
    layer = model.model.backbone
    levels = len(model.config.projector_scale_factors)
    size = size_within(call, image_size)
    return _pyramid(layer, [(level, 0) for level in range(levels)], size)


def rf_detr_adapter(model: Any, image_size: Size, call: Call) -> Adapter:
    """RF-DETR: the backbone's projection, which the decoder reads."""
    output = each_class(size_within(call, image_size))
    return Adapter(model.model.backbone, output=output, key=(0,))


def hybrid_adapter(model: Any, image_size: Size) -> list[Adapter]:
    """RT-DETR, RT-DETR v2, D-FINE, DEIMv2: the pyramid that the hybrid encoder makes."""
    name = "feature_maps" if model.config.model_type == "deimv2" else "last_hidden_state"
    levels = range(len(model.config.decoder_in_channels))
    return _pyramid(model.model.encoder, [(name, level) for level in levels], image_size)


def yolos_adapter(model: Any, image_size: Size) -> Adapter:
    """YOLOS: the last block's first norm.

    A class token comes before the patches, and the tokens that become boxes come after them.
    """
    patch = model.config.patch_size
    sides = (patch, patch) if isinstance(patch, int) else patch
    height, width = (size // side for size, side in zip(image_size, sides, strict=True))

    def reshape(tokens: Tensor) -> Tensor:
        patches = tokens[:, 1 : 1 + height * width]
        return patches.reshape(len(tokens), height, width, -1).movedim(-1, 1)

    layer = model.vit.encoder.layer[-1].layernorm_before
    return Adapter(layer, reshape, output=one_class_or_none(image_size))


def _backbone(model: Any) -> tuple[Any, int]:
    """The module that returns each stage of the backbone with its mask, and how many there are."""
    backbone = getattr(model.model.backbone, "conv_encoder", model.model.backbone)
    return backbone, len(backbone.intermediate_channel_sizes)


def _pyramid(layer: Any, keys: list[tuple[Any, ...]], image_size: Size) -> list[Adapter]:
    output = each_class(image_size)
    return [Adapter(layer, output=output, key=key) for key in keys]
