"""Models that read a text beside the image: what their outputs are taken for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as hf

import camkit_core as camkit
from camkit_core import TargetError, TokenTarget
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

TOWER: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
EYES: dict[str, Any] = {**TOWER, "image_size": 32, "patch_size": 8}
IMAGES = drawn(1, 3, 32, 32)
IDS = torch.tensor([[4, 5, 6, 7, 8, 9]])


def captioner() -> Any:
    torch.manual_seed(0)
    words = hf.GPT2Config(
        vocab_size=20, n_embd=16, n_layer=1, n_head=2, n_positions=8, add_cross_attention=True
    )
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(hf.ViTConfig(**EYES), words)
    return hf.VisionEncoderDecoderModel(config).eval()


def test_a_decoders_next_token_is_explained_as_its_logit_is() -> None:
    model, inputs = captioner(), {"pixel_values": IMAGES, "decoder_input_ids": IDS}
    with pytest.raises(TargetError, match=r"explain the token .* by target=TokenTarget\(-1\)"):
        camkit.explain(model, inputs)
    token = int(model(**inputs).logits[0, -1].argmax())
    e = camkit.explain(model, inputs, target=TokenTarget(-1))
    by_hand = camkit.explain(model, inputs, target=lambda output: output["logits"][-1, token])
    assert torch.equal(e.cam, by_hand.cam)
    assert e.layer == "encoder"


def test_a_detector_of_what_a_text_names_gives_no_tokens() -> None:
    torch.manual_seed(0)
    text = {**TOWER, "vocab_size": 20, "max_position_embeddings": 8}
    config = hf.OwlViTConfig(text_config=text, vision_config=EYES, projection_dim=16)
    model = hf.OwlViTForObjectDetection(config).eval()
    inputs = {"pixel_values": IMAGES, "input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    with pytest.raises(TargetError, match=r"output=lambda output: output\['logits'\]") as error:
        camkit.explain(model, inputs)
    assert "TokenTarget" not in str(error.value)
    e = camkit.explain(model, inputs, target=lambda output: output["logits"][:, 0].max())
    assert e.layer == "owlvit.vision_model.encoder.layers.1.layer_norm1"


def test_hidden_units_as_many_as_the_stated_places_are_no_places() -> None:
    """LeViT halves its grid where nothing states it: 4 tokens of 16 units, and 4x4 is stated."""
    torch.manual_seed(0)
    heads = {"num_attention_heads": [2] * 3, "key_dim": [8] * 3, "depths": [1] * 3}
    ratios = {"mlp_ratio": [2] * 3, "attention_ratio": [2] * 3, "drop_path_rate": 0}
    config = hf.LevitConfig(image_size=64, hidden_sizes=[16] * 3, num_labels=3, **heads, **ratios)
    model = hf.LevitForImageClassification(config).eval()
    found = camkit.layers(model, drawn(1, 3, 64, 64), 1)
    assert found.choice == "levit.encoder.stages.0.layers.1"
    assert all(each.reason for each in found if each.layout == "NCL 4x4")
