"""Models that embed images and texts: the layer, the score, and the image tower alone."""

from __future__ import annotations

from typing import Any

import open_clip
import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import TextTarget
from helpers.text_image import HUGGING_FACE, OPEN_CLIP, SIDES, built, tokenizer

TEXTS = ["a red car", "a photo of the dog on grass"]
LAYERS = {
    "clip": "vision_model.encoder.layers.2.layer_norm1",
    "altclip": "vision_model.encoder.layers.2.layer_norm1",
    "chinese_clip": "vision_model.encoder.layers.2.layer_norm1",
    "siglip": "vision_model.post_layernorm",
    "align": "vision_model.encoder",
    "vit": "visual.transformer.resblocks.2.ln_1",
    "pooled": "visual.transformer",
    "resnet": "visual.layer4",
    "timm": "visual.trunk.blocks.5.norm1",
    "timm_cnn": "visual.trunk.layer4",
}


def images_of(name: str, count: int = 2) -> Tensor:
    side = SIDES.get(name, 64)
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def own_similarities(name: str, model: Any, images: Tensor) -> Tensor:
    """The cosine similarity (N, T) of images and TEXTS, as the model itself computes it."""
    with torch.no_grad():
        if name in OPEN_CLIP:
            tokens = open_clip.get_tokenizer("ViT-B-32", context_length=16)(TEXTS)
            logits = model.get_logits(images, tokens)[0]
            return logits / model.logit_scale.exp()  # type: ignore[no-any-return]
        # As the processors of the families do.
        fixed = {"siglip": 24, "align": 24}.get(name)
        padding = {"padding": "max_length", "max_length": fixed} if fixed else {"padding": True}
        tokens = dict(tokenizer()(TEXTS, return_tensors="pt", **padding))
        unread = {"siglip": ("attention_mask", "token_type_ids"), "clip": ("token_type_ids",)}
        tokens = {key: tokens[key] for key in tokens if key not in unread.get(name, ())}
        logits = model(pixel_values=images, **tokens).logits_per_image
        if name == "align":
            return logits * model.temperature  # type: ignore[no-any-return]
        return (logits - getattr(model, "logit_bias", 0)) / model.logit_scale.exp()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", [*HUGGING_FACE, *OPEN_CLIP])
def test_the_score_is_the_models_own_similarity(name: str) -> None:
    model, images = built(name), images_of(name)
    given = tokenizer() if name in HUGGING_FACE else None
    targets: list[Any] = [TextTarget(text, given) for text in TEXTS]
    rows = camkit.compare(model, images, targets=[*targets, TextTarget(TEXTS, given)])
    own = own_similarities(name, model, images)
    for column, text in enumerate(TEXTS):
        e = rows[column, 0]
        torch.testing.assert_close(e.score, own[:, column], rtol=1e-5, atol=1e-6)
        assert e.describe() == f"{text} {float(own[0, column]):.2f}"
        assert e.layer == LAYERS[name]
    best = rows[2, 0]
    torch.testing.assert_close(best.score, own.amax(1), rtol=1e-5, atol=1e-6)
    names = [best.describe(index).rpartition(" ")[0] for index in range(2)]
    assert names == [TEXTS[int(each)] for each in own.argmax(1)]
    alone = camkit.explain(model, images, target=targets[0])
    again = camkit.explain(model, images, target=targets[0], layer=alone.layer)
    assert torch.equal(again.cam, alone.cam)


def test_images_beside_texts_are_explained_as_ever() -> None:
    """The model itself is called then, and a callable reads what it returns."""
    model, images = built("clip"), images_of("clip")
    tokens = dict(tokenizer()(TEXTS, return_tensors="pt", padding=True))
    call = {key: tokens[key] for key in ("input_ids", "attention_mask")} | {"pixel_values": images}
    e = camkit.explain(
        model,
        call,
        target=lambda output: output["logits_per_image"][0],
        shared_inputs=["input_ids", "attention_mask"],
    )
    own = own_similarities("clip", model, images)[:, 0] * model.logit_scale.exp()
    torch.testing.assert_close(e.score, own.detach())
    assert "entry" not in e.provenance
    similar = camkit.explain(model, images, target=TextTarget(TEXTS[0], tokenizer()))
    torch.testing.assert_close(similar.heatmap, e.heatmap, rtol=1e-3, atol=1e-3)


def test_further_arguments_go_to_the_image_tower() -> None:
    """Images of another size and shape than the model was made for."""
    model = built("clip")
    images = torch.randn(2, 3, 48, 96, generator=torch.Generator().manual_seed(0))
    call = {"pixel_values": images, "interpolate_pos_encoding": True}
    e = camkit.explain(model, call, target=TextTarget("a dog", tokenizer()))
    assert e.cam.shape == (2, 6, 12)
    with torch.no_grad():
        output = model.get_image_features(**call).pooler_output
    text = e.target[0].embeddings[0]  # type: ignore[index]
    torch.testing.assert_close(e.score, torch.cosine_similarity(output, text[None]))


@pytest.mark.parametrize("name", ["clip", "vit"])
@pytest.mark.parametrize("method", ["legrad", "chefer", "attention_rollout", "scorecam"])
def test_attention_is_that_of_the_image_tower(name: str, method: str) -> None:
    model, images = built(name), images_of(name, 1)
    embedding = torch.randn(24, generator=torch.Generator().manual_seed(0))
    e = camkit.explain(model, images, method, target=TextTarget(embedding))
    assert bool(e.heatmap.any())


def test_the_text_tower_runs_once_without_gradients_and_the_model_stays_as_it_was() -> None:
    model, runs = built("clip").train(), []
    handle = model.text_model.register_forward_hook(
        lambda module, args, output: runs.append((torch.is_grad_enabled(), module.training))
    )
    before = {key: value.clone() for key, value in model.state_dict().items()}
    camkit.explain(model, images_of("clip"), "scorecam", target=TextTarget("a dog", tokenizer()))
    handle.remove()
    assert runs == [(False, False)]
    assert model.training
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.parametrize("name", ["clip", "vit"])
def test_classes_are_refused_with_what_works(name: str) -> None:
    model, images = built(name), images_of(name)
    for target in (None, 3):
        with pytest.raises(camkit.TargetError, match=r"TextTarget\('a red car'\)"):
            camkit.explain(model, images, target=target)
    assert camkit.explain(model, images, "eigencam").describe() == "no class"


def test_a_tokenizer_that_cannot_be_found_is_refused_with_what_works() -> None:
    with pytest.raises(camkit.TargetError, match="does not say where it was loaded from"):
        camkit.explain(built("clip"), images_of("clip"), target=TextTarget("a dog"))
    vit = built("vit")
    vit.vocab_size = 32000
    with pytest.raises(camkit.TargetError, match=r"open_clip\.get_tokenizer"):
        camkit.explain(vit, images_of("vit"), target=TextTarget("a dog"))
    camkit.explain(vit, images_of("vit"), target=TextTarget(torch.ones(24)))


def test_the_tokenizer_beside_the_weights_is_found(tmp_path: Any) -> None:
    model = built("clip")
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path).eval()
    e = camkit.explain(loaded, images_of("clip"), target=TextTarget("a dog"))
    given = camkit.explain(model, images_of("clip"), target=TextTarget("a dog", tokenizer()))
    torch.testing.assert_close(e.score, given.score)


def test_an_image_tower_with_a_projection_needs_an_embedding() -> None:
    from transformers import CLIPVisionModelWithProjection

    whole, images = built("clip"), images_of("clip")
    config = whole.config.vision_config
    config.projection_dim = 24
    tower = CLIPVisionModelWithProjection(config).eval()
    tower.load_state_dict(whole.state_dict(), strict=False)
    e = camkit.explain(whole, images, target=TextTarget("a dog", tokenizer()))
    text = e.target[0].embeddings[0]  # type: ignore[index]
    alone = camkit.explain(tower, images, target=TextTarget(text))
    torch.testing.assert_close(alone.cam, e.cam)
    with pytest.raises(camkit.TargetError, match="no adapter knows how CLIPVisionModelWith"):
        camkit.explain(tower, images, target=TextTarget("a dog"))


def test_packed_patches_are_refused_with_what_works() -> None:
    from transformers import Siglip2Config, Siglip2Model

    small = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    vision = small | {"num_hidden_layers": 1, "num_patches": 16, "patch_size": 8}
    text = small | {"num_hidden_layers": 1, "vocab_size": 64, "projection_size": 16}
    model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision)).eval()
    call = {
        "pixel_values": torch.randn(1, 16, 192),
        "pixel_attention_mask": torch.ones(1, 16, dtype=torch.long),
        "spatial_shapes": torch.tensor([[4, 4]]),
    }
    with pytest.raises(camkit.InputError, match="which is a SiglipModel"):
        camkit.explain(model, call, target=TextTarget(torch.ones(16)))
