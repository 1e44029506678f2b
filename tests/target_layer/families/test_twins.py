"""A model of several parts against the plain one that does the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.dense import UNet
from helpers.families.family import drawn
from helpers.families.huggingface import clip, image_and_words
from helpers.families.shared import Lite, Twins

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Tower(nn.Module):
    """CLIP's image tower, with the prompts' embeddings as the rows of its head."""

    def __init__(self, model: Any, ids: Tensor) -> None:
        super().__init__()
        self.vision, self.projection, self.scale = (
            model.vision_model,
            model.visual_projection,
            model.logit_scale,
        )
        words = model.text_projection(model.text_model(input_ids=ids).pooler_output)
        self.words = (words / words.norm(dim=-1, keepdim=True)).detach()

    def forward(self, images: Tensor) -> Tensor:
        image = self.projection(self.vision(images).pooler_output)
        image = image / image.norm(dim=-1, keepdim=True)
        return image @ self.words.T * self.scale.exp()


@pytest.mark.parametrize(("prompts", "tokens"), [(2, 4), (3, 7), (5, 77)])
def test_clip_is_its_image_tower(prompts: int, tokens: int) -> None:
    model, inputs = clip(), image_and_words(1, prompts, tokens)
    whole = camkit.explain(model, inputs, target=lambda output: output["logits_per_image"][1])
    tower = Tower(model, inputs["input_ids"]).eval()
    bare = camkit.explain(tower, inputs["pixel_values"], target=1)
    assert bare.layer == whole.layer.replace("vision_model", "vision")
    torch.testing.assert_close(whole.cam, bare.cam)


@pytest.mark.parametrize("image", ["a", "b"])
def test_twins_are_a_network_with_a_copy_for_the_second_image(image: str) -> None:
    images = {"a": drawn(2, 3, 32, 32), "b": drawn(2, 3, 32, 32, seed=1)}
    shared = camkit.explain(Twins().eval(), images, target=1, image_input=image)
    copied = camkit.explain(Twins(copied=True).eval(), images, target=1, image_input=image)
    assert copied.layer == {"a": "encoder", "b": "other"}[image]
    assert torch.equal(shared.cam, copied.cam)


def test_one_activation_for_all_layers_is_one_of_its_own_for_the_last() -> None:
    images = drawn(2, 3, 16, 24)
    shared = camkit.explain(Lite().eval(), images, target=2)
    own = camkit.explain(Lite(own=True).eval(), images, target=2)
    assert own.layer == "last"
    assert torch.equal(shared.cam, own.cam)


class Encoder(nn.Module):
    """The classifier in a U-Net with a second head."""

    def __init__(self, model: UNet) -> None:
        super().__init__()
        self.stages, self.head = nn.Sequential(*model.encoder), model.classification_head

    def forward(self, images: Tensor) -> Tensor:
        assert self.head is not None
        return self.head(self.stages(images).flatten(2).mean(2))


@pytest.mark.parametrize("target", [{"target": 2, "output": 1}, {"target": lambda out: out[1][2]}])
def test_the_class_of_a_u_net_is_that_of_its_encoder(target: dict[str, Any]) -> None:
    model, images = UNet(auxiliary=True).eval(), drawn(2, 3, 32, 32)
    plain = camkit.explain(Encoder(model).eval(), images, target=2)
    assert plain.layer == "stages"
    torch.testing.assert_close(camkit.explain(model, images, **target).cam, plain.cam)


def test_the_other_input_as_images_is_another_search() -> None:
    """The layer of the first call is not remembered for the second input of the same model."""
    model = Twins().eval()
    pair = {"a": drawn(1, 3, 16, 16), "b": drawn(1, 3, 16, 16)}
    layers = [camkit.explain(model, pair, target=0, image_input=name).layer for name in pair]
    assert layers == ["encoder#0", "encoder#1"]
    with pytest.raises(camkit.LayerError, match="does not depend on the images"):
        camkit.explain(model, pair, target=0, image_input="b", layer=layers[0])
