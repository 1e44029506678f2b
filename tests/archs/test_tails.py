"""What follows each architecture's layer runs again exactly; a layer nothing reads says so."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from camkit_core.probe.tail.proof import proven_replay, tail_outputs
from helpers import naive
from helpers.small_nets import FAMILIES, Net, small_net

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


def look(model: nn.Module, images: Tensor, layer: Any = None) -> tuple[bool, Tensor]:
    """Whether tail runs are proved exact; and the scores (N, C) without each channel."""
    answers: list[Any] = []

    def method(probe: camkit.Probe) -> Tensor:
        answers.extend([proven_replay(probe.recording) is not None, probe.ablated_scores()])
        return probe.activations.sum(1)

    camkit.explain(model, images, method, lambda row: row[2], layer)
    return answers[0], answers[1]


def naively(model: nn.Module, images: Tensor, adapter: camkit.Adapter) -> Tensor:
    """The same scores from whole runs of the model, with a hook that empties the channel."""
    weights, _ = naive.weights("ablationcam", model, images, adapter, lambda row: row[2])
    return model(images)[:, 2:3].detach() - weights


def test_tail_runs_are_proved_exact_and_are(net: Net) -> None:
    contribution = get_registry().adapter_for(type(net.model))
    assert contribution is not None
    adapter = contribution.load()(net.model, (32, 32))
    exact, scores = look(net.model, net.images)
    assert exact
    assert torch.allclose(scores, naively(net.model, net.images, adapter), rtol=1e-9, atol=1e-9)
    assert scores.std(1).min() > 1e-3


EARLIER = [
    ("resnet", "layer2.0"),
    ("resnet", "layer3.0.bn1"),
    ("vgg", "features.3"),
    ("densenet", "features.denseblock2.denselayer1.conv1"),
    ("mnasnet", "layers.10.1.layers.1"),
    ("vit", "conv_proj"),
    ("timm_resnet", "layer3"),
    ("timm_densenet", "features.transition1"),
    ("timm_mnasnet", "blocks.1.0"),
    ("timm_vit", "patch_embed.proj"),
]


@pytest.mark.parametrize(("name", "layer"), EARLIER)
def test_tail_runs_from_earlier_layers_are_exact_too(name: str, layer: str) -> None:
    """Residual and dense connections, and attention in several blocks, follow these layers."""
    net = small_net(name)
    exact, scores = look(net.model, net.images, layer)
    assert exact
    adapter = camkit.Adapter(net.model.get_submodule(layer))
    wanted = naively(net.model, net.images, adapter)
    assert torch.allclose(scores, wanted, rtol=1e-9, atol=1e-9)
    assert scores.std(1).min() > 1e-5


def test_a_tail_run_leaves_the_edits_as_they_were() -> None:
    """The ReLU after this layer is in place."""
    net = small_net("resnet")
    outputs: list[Tensor] = []

    def method(probe: camkit.Probe) -> Tensor:
        edits = torch.randn(2, *probe.recording.raw.shape, dtype=torch.float64)
        kept = edits.clone()
        outputs.extend(tail_outputs(probe.recording, edits) for _ in range(2))
        assert torch.equal(edits, kept)
        return probe.activations.sum(1)

    camkit.explain(net.model, net.images, method, 0, "layer3.0.bn1")
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0][0], outputs[0][1], rtol=1e-2)


class ChannelsLast(nn.Module):
    """The channels, on the last axis, are as many as the rows and go into a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Conv2d(3, 6, 1), nn.LayerNorm(6)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(216, 7), nn.Tanh(), nn.Linear(7, 3))
        self.double()

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.embed(images).permute(0, 2, 3, 1)))


def test_rows_are_never_taken_for_channels() -> None:
    model, images = ChannelsLast(), torch.randn(2, 3, 6, 6, dtype=torch.float64)
    adapter = camkit.Adapter(model.norm, lambda output: output.permute(0, 3, 1, 2))
    e = camkit.explain(model, images, "ablationcam", lambda row: row[2], adapter=adapter)
    wanted = naive.cam("ablationcam", model, images, adapter, lambda row: row[2])
    assert torch.allclose(e.cam, wanted, rtol=0, atol=1e-12)
    assert e.cam.abs().max() > 1e-3


class ThroughNumpy(nn.Module):
    """A head that computes its threshold outside PyTorch, where no tape records it."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 3)
        self.double()

    def forward(self, images: Tensor) -> Tensor:
        pooled = self.features(images).relu().mean((2, 3))
        threshold = torch.from_numpy(pooled.detach().numpy().mean(1, keepdims=True) / 2)
        return self.head((pooled - threshold).relu())


def test_a_tail_that_no_tape_can_follow_takes_whole_runs_and_a_note() -> None:
    model, images = ThroughNumpy(), torch.randn(2, 3, 9, 9, dtype=torch.float64)
    exact, scores = look(model, images, "features")
    assert not exact
    wanted = naively(model, images, camkit.Adapter(model.features))
    assert torch.allclose(scores, wanted, rtol=1e-9, atol=1e-12)
    assert scores.std(1).min() > 1e-5
    e = camkit.explain(model, images, "ablationcam", 1, "features")
    assert any("took full forward passes" in note for note in e.notes)


UNREAD = [
    ("vit", "encoder.layers.encoder_layer_2.ln_2", "encoder.layers.encoder_layer_2.ln_1"),
    ("vit", "encoder.layers.encoder_layer_2", "encoder.layers.encoder_layer_2.ln_1"),
    ("vit", "encoder.ln", "encoder.layers.encoder_layer_2.ln_1"),
    ("timm_vit", "blocks.2.norm2", "blocks.2.norm1"),
    ("timm_vit", "blocks.2", "blocks.2.norm1"),
    ("timm_vit", "norm", "blocks.2.norm1"),
]


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "xgradcam"])
@pytest.mark.parametrize(("name", "layer", "better"), UNREAD)
def test_a_layer_after_the_last_attention_is_told_and_another_named(
    name: str, layer: str, better: str, method: str
) -> None:
    net = small_net(name)
    message = f"gradient is exactly zero at every position of '{layer}'.*try '{better}'"
    with pytest.warns(camkit.CamkitWarning, match=message):
        e = camkit.explain(net.model, net.images, method, 1, layer)
    assert not e.cam.any()
    assert not e.heatmap.any()
    assert all("only the class token is read" in str(e.blank(index)) for index in range(3))
    assert len(e.notes) >= 3
    assert camkit.explain(net.model, net.images, method, 1, better).cam.any()


def test_every_layer_that_is_read_gives_a_map() -> None:
    """The partner of the test above: with the mean over patches, the last block is read."""
    model = small_net("timm_vit").model
    other = FAMILIES["timm_vit"]().double().eval()
    other.load_state_dict(model.state_dict())
    other.global_pool = "avg"
    e = camkit.explain(other, small_net("timm_vit").images, "gradcam", 1, "blocks.2.norm2")
    assert e.cam.any()
    assert e.blank(0) is None or "negative" in str(e.blank(0))
