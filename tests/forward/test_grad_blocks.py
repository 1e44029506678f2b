"""Blocks without gradients around the target layer change no map; nor do hooks in forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import camkit_core as camkit
from helpers.small_cnn import Small, close, pictures

METHODS = ["gradcam", "scorecam", "ablationcam", "reciprocam", "fullgrad", "guided_backprop",
           "shapleycam", "eigencam"]  # fmt: skip


class Probed(Small):
    """The same network, with a way of its own to run the body."""

    def __init__(self, run_body: Callable[[Probed, Tensor], Tensor]) -> None:
        super().__init__()
        self.run_body = run_body

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.head(self.run_body(self, images)))


def _inside(block: Callable[[], Any]) -> Callable[[Probed, Tensor], Tensor]:
    def run_body(model: Probed, images: Tensor) -> Tensor:
        with block():
            return model.body(model.stem(images))

    return run_body


def _two_blocks(model: Probed, images: Tensor) -> Tensor:
    with torch.no_grad():
        with torch.no_grad():
            features = model.stem(images)
        with torch.set_grad_enabled(False):
            features = model.body(features)
        return features * 1


def _ends_before(model: Probed, images: Tensor) -> Tensor:
    with torch.no_grad():
        features = model.stem(images)
    return model.body(features)


def _hooks(model: Probed, images: Tensor) -> Tensor:
    stem = model.stem(images)
    stem.register_hook(lambda gradient: None)
    stem.retain_grad()
    body = model.body(stem)
    body.register_hook(lambda gradient: None)
    return body


def _functions(model: Probed, images: Tensor) -> Tensor:
    torch.set_grad_enabled(False)
    features = model.body(model.stem(images))
    torch.set_grad_enabled(True)
    return features


BODIES = {
    "no_grad": _inside(torch.no_grad),
    "inference_mode": _inside(torch.inference_mode),
    "set_grad_enabled": _inside(lambda: torch.set_grad_enabled(False)),
    "two blocks": _two_blocks,
    "ends before": _ends_before,
    "hooks": _hooks,
    "functions": _functions,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("frozen", [False, True])
def test_every_method_gives_the_map_of_the_plain_network(body: str, frozen: bool) -> None:
    images = pictures(4)
    torch.manual_seed(3)
    plain = Small().double().eval()
    model = Probed(BODIES[body]).double().eval().requires_grad_(not frozen)
    model.load_state_dict(plain.state_dict())
    for layer in ("stem", "body"):
        for method in METHODS:
            expected = camkit.explain(plain, images, method, 1, layer)
            for _ in range(2):
                explanation = camkit.explain(model, images, method, 1, layer)
                assert close(explanation.cam, expected.cam)
                assert explanation.notes == expected.notes
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_a_plain_network_has_no_graph_before_the_layer() -> None:
    graphs: list[bool] = []

    class Noting(Small):
        def forward(self, images: Tensor) -> Any:
            features = self.stem(images)
            graphs.append(features.requires_grad)
            return self.head(self.body(features))

    model = Noting().double().eval()
    camkit.explain(model, pictures(), "gradcam", 1, "body")  # which finds the layer's layout
    graphs.clear()
    camkit.explain(model, pictures(), "gradcam", 1, "body")
    assert graphs == [False]


class Gated(Small):
    """Detaches a gate after the layer, on purpose: the gradient is that of the plain product."""

    def forward(self, images: Tensor) -> Any:
        with torch.no_grad():
            features = self.body(self.stem(images))
        with torch.no_grad():
            gate = features.sigmoid()
        return self.head(features * gate)


def test_a_block_after_the_layer_still_detaches() -> None:
    model, images = Gated().double().eval(), pictures()
    features = model.body(model.stem(images)).detach().requires_grad_()
    model.head(features * features.detach().sigmoid())[:, 1].sum().backward()
    expected = (features.grad.mean((2, 3), keepdim=True) * features).sum(1).detach()
    assert close(camkit.explain(model, images, "gradcam", 1, "body").cam, expected)


class Masked(nn.Module):
    """A transformer whose padding mask makes torch take its fast path where there is no graph."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        padded = torch.zeros(tokens.shape[:2], dtype=torch.bool)
        padded[:, -3:] = True
        return self.head(self.encoder(tokens, src_key_padding_mask=padded)[:, :5].mean(1))


def _grid(tokens: Tensor) -> Tensor:
    return tokens.transpose(1, 2).unflatten(2, (4, 4))


@pytest.mark.parametrize("layer", ["encoder.layers.0", "encoder.layers.0.norm1"])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_layer_inside_a_masked_encoder_is_explained(layer: str, frozen: bool) -> None:
    model, images = Masked().eval().requires_grad_(not frozen), torch.randn(2, 3, 16, 16)
    for method in ("gradcam", "scorecam", "ablationcam", "reciprocam"):
        cam = camkit.explain(model, images, method, 1, layer, _grid).cam
        torch.backends.mha.set_fastpath_enabled(False)
        expected = camkit.explain(model, images, method, 1, layer, _grid).cam
        torch.backends.mha.set_fastpath_enabled(True)
        assert close(cam, expected, 1e-5)


def _checkpointed(model: Probed, images: Tensor) -> Tensor:
    return checkpoint(model.body, model.stem(images), use_reentrant=True)


@pytest.mark.parametrize("layer", ["stem", "body"])
def test_reentrant_checkpointing_is_refused_with_what_to_do(layer: str) -> None:
    model, images = Probed(_checkpointed).double().eval(), pictures()
    for method in ("gradcam", "fullgrad"):
        with pytest.raises(camkit.LayerError, match="use_reentrant=False"):
            camkit.explain(model, images, method, 1, layer)


def test_a_method_without_gradients_sees_through_reentrant_checkpointing() -> None:
    model, images = Probed(_checkpointed).double().eval(), pictures()
    cam = camkit.explain(model, images, "scorecam", 1, "body").cam
    model.run_body = lambda model, images: model.body(model.stem(images))
    assert close(cam, camkit.explain(model, images, "scorecam", 1, "body").cam)


class Added(Small):
    """Adds the head's evidence to a part of a tensor that was made before the layer."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place

    def forward(self, images: Tensor) -> Any:
        kept = self.stem(images)
        before = torch.cat([kept, kept], 1)[:, :6, ::2, ::2]
        features = self.body(kept)
        if self.in_place:
            before += features
        else:
            before = before + features
        return self.wrap(self.head(before))


def test_a_layer_whose_output_is_added_in_place_to_an_earlier_view_is_explained() -> None:
    maps, images = [], pictures()
    for in_place in (True, False):
        torch.manual_seed(0)
        maps.append(
            camkit.explain(Added(in_place).double().eval(), images, target=1, layer="body").cam
        )
    assert close(maps[0], maps[1])
