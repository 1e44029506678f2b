"""Hugging Face's detectors: their layers, and what they find in the one form."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget
from camkit_core.plugins import get_registry
from camkit_core.target_layer.installed import takes_call
from helpers.huggingface_detectors import CLASSES, SIZE, detector

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

# The explained layers, and the grid on which their maps are joined.
BACKBONE = "model.backbone[0][0], model.backbone[1][0], model.backbone[2][0]"
ENCODER = ", ".join(f"model.encoder['last_hidden_state'][{level}]" for level in range(3))
FAMILIES = {
    "Detr": ("model.backbone[0][0]", (3, 4)),
    "TableTransformer": ("model.backbone.conv_encoder[0][0]", (3, 4)),
    "ConditionalDetr": ("model.backbone[0][0]", (3, 4)),
    "DabDetr": ("model.backbone.conv_encoder[0][0]", (3, 4)),
    "DeformableDetr": (BACKBONE, (12, 16)),
    "RTDetr": (ENCODER, (12, 16)),
    "RTDetrV2": (ENCODER, (12, 16)),
    "DFine": (ENCODER, (12, 16)),
    "Deimv2": (ENCODER.replace("last_hidden_state", "feature_maps"), (12, 16)),
    "LwDetr": ("model.backbone[0][0], model.backbone[1][0]", (12, 16)),
    "RfDetr": ("model.backbone[0]", (6, 8)),
    "Yolos": ("vit.encoder.layer.1.layernorm_before", (6, 8)),
}
SOFTMAX = ("Detr", "TableTransformer", "Yolos")


def pictures(count: int = 1) -> Tensor:
    return torch.randn(count, 3, *SIZE, generator=torch.manual_seed(1))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_detector_needs_no_layer(name: str) -> None:
    layers, grid = FAMILIES[name]
    model, images = detector(name), pictures(2)
    e = camkit.explain(model, images, target=DetectionTarget(2))
    assert (e.layer, tuple(e.cam.shape)) == (layers, (2, *grid))
    assert e.adapter.startswith("transformers.models.")
    assert bool(e.cam.isfinite().all())
    assert bool(e.cam.any())
    again = camkit.explain(model, images, target=DetectionTarget(2), layer=e.layer)
    assert torch.equal(again.cam, e.cam)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_it_finds_is_what_the_library_finds(name: str) -> None:
    """The library's own code after the model, with a score of a half where it has a threshold."""
    model, images = detector(name), pictures(2)
    with torch.no_grad():
        output = model(images)
    softmax = name in SOFTMAX
    for image, found in enumerate(read(model, output)):
        expected = found_by_the_library(output, image, softmax)
        torch.testing.assert_close(found["boxes"], expected["boxes"])
        best = found["class_scores"].max(1)
        torch.testing.assert_close(best.values, expected["scores"])
        assert torch.equal(best.indices, expected["labels"])
        assert found["class_scores"].shape[1] == CLASSES
        kept = found["kept"](found)
        assert bool((best.values[kept].diff() <= 0).all())
        if not softmax:
            assert sorted(kept.tolist()) == torch.where(best.values > 0.5)[0].tolist()
        else:
            surest = output.logits[image].argmax(1)
            assert sorted(kept.tolist()) == torch.where(surest < CLASSES)[0].tolist()


def read(model: nn.Module, output: Any) -> Any:
    contribution = get_registry().adapter_for(type(model))
    assert contribution is not None
    make = contribution.load()
    made = make(model, SIZE, {}) if takes_call(make) else make(model, SIZE)
    adapter = made[0] if isinstance(made, (list, tuple)) else made
    assert adapter.output is not None
    return adapter.output(output)


def found_by_the_library(output: Any, image: int, softmax: bool) -> Any:
    """Of DETR's post-processing, which takes each query's best class; all queries."""
    logits = output.logits if softmax else sigmoid_as_softmax(output.logits)
    output = type(output)(logits=logits, pred_boxes=output.pred_boxes)
    process = transformers.DetrImageProcessor.post_process_object_detection
    return process(None, output, threshold=-1.0, target_sizes=[SIZE] * len(logits))[image]


def sigmoid_as_softmax(logits: Tensor) -> Tensor:
    """Logits whose softmax orders classes alike and whose best is the sigmoid of the best."""
    scores = logits.sigmoid()
    best = scores.amax(-1, keepdim=True)
    others = torch.full_like(scores, 1e-9)
    chosen = torch.where(scores == best, best, others)
    return torch.cat([chosen, 1 - best], -1).log()


def test_an_output_that_is_a_tuple_is_read_alike() -> None:
    model, images = detector("Detr"), pictures()
    e = camkit.explain(model, images, target=DetectionTarget(2))
    as_tuple = camkit.explain(
        model, {"pixel_values": images, "return_dict": False}, target=DetectionTarget(2)
    )
    assert torch.equal(e.cam, as_tuple.cam)


@pytest.mark.parametrize(
    "name", ["Detr", "ConditionalDetr", "TableTransformer", "DabDetr", "RfDetr"]
)
def test_boxes_are_in_pixels_of_a_padded_image(name: str) -> None:
    """They are shares of the image without its padding, as the library's documentation says."""
    model, images = detector(name), pictures()
    mask = torch.zeros(1, *SIZE, dtype=torch.long)
    mask[:, :64, :96] = 1
    e = camkit.explain(
        model, {"pixel_values": images, "pixel_mask": mask}, target=DetectionTarget(2)
    )
    with torch.no_grad():
        output = model(images, pixel_mask=mask)
    x, y, width, height = (output.pred_boxes[0] * torch.tensor([96, 64, 96, 64])).unbind(1)
    expected = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 1)
    assert float((expected - torch.tensor(e.target[0].box)).abs().amax(1).min()) < 1e-3


def test_images_of_several_sizes_are_refused() -> None:
    mask = torch.ones(2, *SIZE, dtype=torch.long)
    mask[1, 64:] = 0
    given = {"pixel_values": pictures(2), "pixel_mask": mask}
    with pytest.raises(camkit.InputError, match=r"64x128, 96x128.*one image at a time"):
        camkit.explain(detector("Detr"), given, target=DetectionTarget(2))


def test_the_map_is_that_of_a_hook_by_hand() -> None:
    """Grad-CAM of one query's class score, at the feature map that DETR's projection reads."""
    model, images = detector("Detr"), pictures()
    kept: list[Tensor] = []

    def keep(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        kept.append(args[0].detach().requires_grad_())
        return (kept[0],)

    handle = model.model.input_projection.register_forward_pre_hook(keep)
    scores = model(images).logits.softmax(-1)[0, :, 2]
    handle.remove()
    (gradient,) = torch.autograd.grad(scores.max(), kept[0])
    expected = (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1)
    e = camkit.explain(model, images, target=DetectionTarget(2))
    torch.testing.assert_close(e.cam, expected.detach())
