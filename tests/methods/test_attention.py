"""Attention methods: by hand on three tokens, beside the libraries' own weights, and refusals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision.models import VisionTransformer
from transformers import ViTConfig, ViTForImageClassification

import camkit_core as camkit
from camkit_core.probe.attention import Attention
from camkit_core.testing.networks import AttentionNet, seeded
from camkit_core.testing.state import nothing_changes
from camkit_methods.attention_rollout import attention_rollout
from camkit_methods.chefer import chefer
from camkit_methods.legrad import legrad
from helpers.small_nets import small_net

METHODS = ("attention_rollout", "chefer", "legrad")
ONE = [[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]]
TWO = [[0.6, 0.4, 0.0], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]


def rows_of(method, blocks, gradients=None, places=((1, 2),), **options):
    """A method's map for one image whose blocks have the given attention (heads, T, T)."""
    full = tuple(torch.tensor([block]) for block in blocks)
    class_token = torch.zeros_like(full[0])
    class_token[:, :, 0] = 1  # after the last block, only the class token is read
    slopes = tuple(torch.tensor([gradient]) for gradient in gradients or []) or (
        class_token,
    ) * len(full)
    probe = SimpleNamespace(
        attention=Attention(full, slopes, torch.tensor(places)), note=lambda text: None
    )
    return method(probe, **options)[0].tolist()


def test_rollout_of_one_block_is_half_its_attention():
    # The first row of (A + I) / 2 is 0.6, 0.25, 0.15; its patches are the last two.
    assert rows_of(attention_rollout, [[ONE]]) == [pytest.approx([0.25, 0.15])]


def test_rollout_of_two_blocks_is_their_product():
    # Row 0 of (TWO + I) / 2 is 0.8, 0.2, 0; by the columns of (ONE + I) / 2.
    expected = [0.8 * 0.25 + 0.2 * 0.9, 0.8 * 0.15 + 0.2 * 0.05]
    assert rows_of(attention_rollout, [[ONE], [TWO]]) == [pytest.approx(expected)]


def test_rollout_of_uniform_attention_is_uniform():
    uniform = np.full((1, 5, 5), 0.2).tolist()
    (row,) = rows_of(attention_rollout, [uniform] * 3, places=[[1, 2, 3, 4]])
    assert row == pytest.approx([row[0]] * 4)


def test_heads_are_fused_as_asked():
    both = [[ONE, TWO]]
    # Rows 0: (0.2, 0.5, 0.3) and (0.6, 0.4, 0); with 1 for itself, divided by their sums.
    assert rows_of(attention_rollout, both) == [pytest.approx([0.45 / 2, 0.15 / 2])]
    assert rows_of(attention_rollout, both, heads="max") == [pytest.approx([0.5 / 2.4, 0.3 / 2.4])]
    assert rows_of(attention_rollout, both, heads="min") == [pytest.approx([0.4 / 1.6, 0.0])]


def test_the_smallest_attention_is_left_out_as_asked():
    # Of nine values four go: 0, 0.1, 0.1 and 0.2; row 0 is 0, 0.5, 0.3 and 1 for itself.
    assert rows_of(attention_rollout, [[ONE]], discard=4 / 9) == [
        pytest.approx([0.5 / 1.8, 0.3 / 1.8])
    ]


def test_chefer_keeps_what_speaks_for_the_class():
    # Gradient times attention, row 0: 0.1, -1, 0.6 in one head and 0.6, 0.4, 0 in the other.
    slopes = [[[[0.5, -2.0, 2.0]] + [[0.0] * 3] * 2, [[1.0, 1.0, 5.0]] + [[0.0] * 3] * 2]]
    assert rows_of(chefer, [[ONE, TWO]], slopes) == [pytest.approx([0.2, 0.3])]


def test_chefer_carries_relevance_from_block_to_block():
    ones, read = np.ones((1, 3, 3)).tolist(), [[[1.0] * 3, [0.0] * 3, [0.0] * 3]]
    first = np.eye(3) + np.array(ONE)
    expected = first + np.array(TWO) @ first
    assert rows_of(chefer, [[ONE], [TWO]], [ones, read]) == [
        pytest.approx(expected[0, 1:].tolist())
    ]


def test_legrad_is_the_mean_of_positive_gradients():
    slopes = [[[[1.0, 3.0, -9.0], [0.0, -3.0, 6.0], [0.0, 3.0, 0.0]]] * 2] * 2
    assert rows_of(legrad, [[ONE, ONE]] * 2, slopes) == [pytest.approx([2.0, 2.0])]


def test_the_rows_are_those_of_the_tokens_that_are_read():
    # Of pooled patches, the mean of their rows of (A + I) / 2; of a class token beside them, none.
    every, patches = np.ones((1, 3, 3)), np.ones((1, 3, 3))
    patches[:, 0] = 0
    expected = [(0.6 + 0.05 + 0) / 3, (0.25 + 0.9 + 0.2) / 3, (0.15 + 0.05 + 0.8) / 3]
    rows = rows_of(attention_rollout, [[ONE]], [every.tolist()], places=[[0, 1, 2]])
    assert rows == [pytest.approx(expected)]
    rows = rows_of(attention_rollout, [[ONE]], [patches.tolist()])
    assert rows == [pytest.approx([(0.9 + 0.2) / 2, (0.05 + 0.8) / 2])]


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({}, [0]),
        ({"global_pool": "avg"}, list(range(1, 25))),
        ({"global_pool": "avg", "class_token": False}, list(range(24))),
    ],
)
def test_which_tokens_are_read_is_found_by_their_gradients(options, read):
    gradients = probe_of(timm_vit(**options), IMAGES).gradients[-1]
    assert gradients[0].abs().sum((0, 2)).nonzero().flatten().tolist() == read


def test_the_grid_is_the_right_way_round():
    row = np.arange(7.0) / 21
    block = np.tile(row, (7, 1))[None].tolist()
    rows = rows_of(attention_rollout, [block], places=[[1, 2, 3], [4, 5, 6]])
    assert rows == [pytest.approx((row[1:4] / 2).tolist()), pytest.approx((row[4:] / 2).tolist())]


# The engine's part: attention of whole models.


def probe_of(model, images, target=1, **where):
    """The attention that a method sees."""
    kept = []

    def method(probe):
        kept.append((probe.attention, probe.recording.raw))
        return probe.images[:, 0]

    camkit.explain(model.eval(), images, method, target, **where)
    return kept[0][0]


def hugging_face(attention):
    config = ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        image_size=(32, 48),
        patch_size=8,
        num_labels=5,
        attn_implementation=attention,
    )
    with seeded():
        return ViTForImageClassification(config).eval()


IMAGES = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def test_attention_is_what_hugging_face_reports():
    model = hugging_face("eager")
    reported = model(IMAGES, output_attentions=True).attentions
    probe = probe_of(model, IMAGES)
    assert len(probe.probabilities) == 2
    for ours, theirs in zip(probe.probabilities, reported, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert probe.places.shape == (4, 6)
    assert probe.places.flatten().tolist() == list(range(1, 25))


def test_attention_is_what_torchs_own_layer_reports():
    with seeded():
        model = AttentionNet().eval()
    normed = []
    handle = model.layer.register_forward_hook(lambda module, args, output: normed.append(output))
    images = torch.randn(2, 3, 8, 12)
    with torch.no_grad():
        model(images)
    handle.remove()
    reported = model.attention(*normed * 3, need_weights=True, average_attn_weights=False)[1]
    probe = probe_of(model, images, layer="layer", reshape_transform=camkit.tokens_to_grid(4, 6, 1))
    assert torch.allclose(probe.probabilities[0], reported, atol=1e-6)


def timm_vit(**options):
    with seeded():
        model = timm.models.VisionTransformer(
            (32, 48), 8, embed_dim=24, depth=2, num_heads=3, num_classes=5, **options
        ).eval()
        nn.init.normal_(model.head.weight, std=0.1)
    return model


@pytest.mark.parametrize("method", METHODS)
def test_fused_and_plain_attention_have_one_map(method):
    fused, plain = timm_vit(), timm_vit()
    for block in plain.blocks:
        block.attn.fused_attn = False
    fused_map, plain_map = (
        camkit.explain(model, IMAGES, method, 1).cam for model in (fused, plain)
    )
    assert torch.allclose(fused_map, plain_map, rtol=1e-4, atol=1e-8)
    assert float(fused_map.std()) > 0


@pytest.mark.parametrize("method", METHODS)
def test_eager_and_sdpa_attention_have_one_map(method):
    maps = [
        camkit.explain(hugging_face(implementation), IMAGES, method, 1).cam
        for implementation in ("eager", "sdpa")
    ]
    assert torch.allclose(*maps, rtol=1e-4, atol=1e-8)


def test_gradients_are_those_of_the_score():
    """The score moves by gradient times change when a block's attention is changed."""
    model = timm_vit().double()
    images = IMAGES.double()
    probe, attention = probe_of(model, images), model.blocks[0].attn
    attention.fused_attn = False
    change = torch.randn_like(probe.probabilities[0]) * 1e-6
    with torch.no_grad():
        plain = model(images)[:, 1]
        handle = attention.attn_drop.register_forward_hook(lambda m, args, out: out + change)
        moved = model(images)[:, 1]
        handle.remove()
    expected = (probe.gradients[0] * change).sum((1, 2, 3))
    assert torch.allclose(moved - plain, expected, rtol=1e-4, atol=1e-12)


def test_tokens_without_a_class_token_and_registers_are_placed_by_the_reshape():
    pooled = probe_of(timm_vit(class_token=False, global_pool="avg"), IMAGES)
    assert pooled.places.flatten().tolist() == list(range(24))
    registers = probe_of(timm_vit(reg_tokens=4), IMAGES)
    assert registers.places.flatten().tolist() == list(range(5, 29))


def test_torchvisions_transformer_needs_nothing_said():
    with seeded():
        model = VisionTransformer(32, 8, 2, 3, 24, 32, num_classes=5).eval()
        nn.init.normal_(model.heads.head.weight)
    images = torch.randn(2, 3, 32, 32)
    for method in METHODS:
        with nothing_changes(model, images):
            e = camkit.explain(model, images, method, 1)
        assert e.cam.shape == (2, 4, 4)
        assert float(e.cam.std()) > 0


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_has_the_maps_of_its_images(method):
    model = timm_vit()
    together = camkit.explain(model, IMAGES, method, [1, 3]).cam
    for index, target in enumerate([1, 3]):
        alone = camkit.explain(model, IMAGES[index : index + 1], method, target).cam
        assert torch.allclose(together[index : index + 1], alone, rtol=1e-4, atol=1e-8)


def test_a_convolutional_network_is_refused_with_what_to_take_instead():
    net = small_net("vgg")
    with pytest.raises(camkit.LayerError, match=r"gradient method, e\.g\. gradcam"):
        camkit.explain(net.model, net.images, "chefer")


def test_windowed_attention_is_refused_with_what_was_seen():
    model = timm.create_model("swin_tiny_patch4_window7_224", num_classes=5, depths=(1, 1, 1, 1))
    reshape = camkit.channels_last_to_grid
    images = torch.randn(1, 3, 224, 224)
    with pytest.raises(camkit.LayerError, match="attention is between tokens"):
        camkit.explain(model.eval(), images, "legrad", 1, model.norm, reshape)


def test_tokens_that_never_attend_are_refused():
    model = timm.create_model("mixer_s32_224", num_classes=5).eval()
    with pytest.raises(camkit.LayerError, match="no attention between all 49 tokens"):
        camkit.explain(model, torch.randn(1, 3, 224, 224), "chefer", 1)
