"""What follows the layer, by hand: conservation, an in-place ReLU, tokens, and resizing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.toys import InPlace, linear, tensor, weights_of


def tail(bias: bool) -> nn.Sequential:
    """Identity "0", then convolutions, ReLUs, pooling and linear layers, with biases and norms."""
    norms = [nn.BatchNorm2d(6), nn.BatchNorm1d(8)] if bias else [nn.Identity(), nn.Identity()]
    layers = [nn.Conv2d(3, 6, 3, bias=bias), norms[0], nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    head = [nn.Linear(24, 8, bias=bias), norms[1], nn.ReLU(), nn.Linear(8, 2, bias=bias)]
    model = nn.Sequential(nn.Identity(), *layers, *head).double()
    for _ in range(3 if bias else 0):
        model(3 * torch.rand(8, 3, 6, 6, dtype=torch.float64))
    with torch.no_grad():
        for norm in norms if bias else []:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_()
    return model.eval()


def test_the_xgradcam_map_of_a_tail_without_biases_sums_to_the_score() -> None:
    """T3, conservation."""
    images = torch.rand(2, 3, 6, 6, dtype=torch.float64)
    _, e = weights_of(tail(bias=False), images, "xgradcam")
    assert torch.allclose(e.cam.sum((1, 2)), e.score, rtol=0, atol=1e-9)
    assert e.score.abs().min() > 1e-3
    assert not [note for note in e.notes if "mean gradient" in note]


def test_with_biases_and_norms_the_rest_of_the_score_is_that_of_the_biases() -> None:
    """T3b: y - sum of the map = sum of b dy/db; of a norm, b = beta - gamma mean / deviation."""
    model, images = tail(bias=True), torch.rand(2, 3, 6, 6, dtype=torch.float64)
    _, e = weights_of(model, images, "xgradcam")
    missing = e.score - e.cam.sum((1, 2))
    for index in range(2):
        assert float(missing[index]) == pytest.approx(of_biases(model, images[index]), abs=1e-9)
    assert missing.abs().min() > 1e-2


def of_biases(model: nn.Module, image: Tensor) -> float:
    total = 0.0
    for module in model:
        if getattr(module, "bias", None) is None:
            continue
        (slope,) = torch.autograd.grad(model(image[None])[0, 0], module.bias)
        bias = module.bias.detach()
        if hasattr(module, "running_mean"):
            deviation = (module.running_var + module.eps).sqrt()
            bias = bias - module.weight.detach() * module.running_mean / deviation
        total += float((bias * slope).sum())
    return total


SIGNED = tensor([[[[2, -1], [-4, 1]]]])


@pytest.mark.filterwarnings("ignore:blank map")
@pytest.mark.parametrize("method", ["gradcam", "xgradcam", "ablationcam", "gradcam++"])
def test_a_named_layer_before_an_inplace_relu_means_its_own_output(method: str) -> None:
    """T9: for Grad-CAM, values and gradients from before the ReLU cancel everywhere."""
    sums, gradient = tensor([-2, 2]), tensor(0.25)
    wanted = {
        "gradcam": tensor([0.125, 0.125]),
        "xgradcam": tensor([3, 5]) / 4 / sums,
        "ablationcam": tensor([0.75, 1.25]),
        "gradcam++": 2 * gradient / (2 + sums.clamp(min=0) * gradient),
    }
    model = InPlace()
    given, e = weights_of(model, SIGNED, method, 0, model.features)
    assert (given[0] - wanted[method]).abs().max() <= 1e-9
    signed = torch.cat([SIGNED, -SIGNED], 1)
    assert (e.cam - (given[:, :, None, None] * signed).sum(1)).abs().max() <= 1e-9
    assert (method == "gradcam") == (not e.cam.any())


@pytest.mark.filterwarnings("ignore:blank map")
@pytest.mark.parametrize("target", [0, lambda row: row[0]], ids=["class", "callable"])
def test_ablating_to_the_mean_before_a_relu_is_no_closed_form(target: object) -> None:
    """The means -1/2 and 1/2 become 0 and 1/2, where the ReLU's means are 3/4 and 5/4."""
    model = InPlace()
    drops, _ = weights_of(model, SIGNED, "ablationcam", target, model.features, ablate="mean")
    assert (drops - tensor([0.75, 0.75])).abs().max() <= 1e-9


def positive(output: Tensor) -> Tensor:
    """ReLU whose zeros are the smallest positive number, so that a ReLU after it has a gradient."""
    return output.clamp(min=torch.finfo(output.dtype).tiny)


@pytest.mark.parametrize("read", [{"after": ("relu",)}, {"activation": positive}])
@pytest.mark.parametrize(
    ("method", "cam"),
    [
        ("gradcam", [[0.5, 0.25], [1, 0.25]]),
        ("xgradcam", [[0.5, 0.25], [1, 0.25]]),
        ("ablationcam", [[2 * 0.75, 1.25], [4 * 1.25, 0.75]]),
        ("gradcam++", [[2 / 2.75, 1 / 3.25], [4 / 3.25, 1 / 2.75]]),
    ],
)
def test_an_adapter_with_an_activation_means_what_the_classifier_reads(
    method: str, cam: list[list[float]], read: dict[str, Any]
) -> None:
    """T9, as the DenseNet adapter does."""
    model = InPlace()
    e = camkit.explain(model, SIGNED, method, 0, adapter=camkit.Adapter(model.features, **read))
    assert (e.cam[0] - tensor(cam)).abs().max() <= 1e-9
    assert torch.equal(e.logits, model(SIGNED))


class Tokens(nn.Module):
    """Patches of 2x2 pixels as tokens after `prefix` others; reads all patches, or token 0."""

    def __init__(self, prefix: int, reads: str) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 4, 2, 2)
        self.before = nn.Parameter(torch.randn(1, prefix, 4))
        self.norm = nn.Identity()
        self.head = nn.Linear(4, 2)
        self.reads = reads
        self.double()

    def forward(self, images: Tensor) -> Tensor:
        patches = self.embed(images).flatten(2).transpose(1, 2)
        tokens = self.norm(torch.cat([self.before.expand(len(images), -1, -1), patches], 1))
        read = tokens[:, self.before.shape[1] :].mean(1) if self.reads == "mean" else tokens[:, 0]
        return self.head(read)


@pytest.mark.parametrize("prefix", [0, 1, 4])
def test_patch_tokens_become_a_grid_and_prefix_tokens_do_not_count(prefix: int) -> None:
    """T10, on a grid of 3x5: each patch has the gradient w / n, the others have none."""
    model, images = Tokens(prefix, "mean"), torch.randn(2, 3, 6, 10, dtype=torch.float64)
    reshape = camkit.tokens_to_grid(3, 5, prefix)
    given, e = weights_of(model, images, "gradcam", 1, "norm", reshape_transform=reshape)
    weights = model.head.weight[1].detach() / 15
    assert (given - weights).abs().max() <= 1e-9
    wanted = (weights[:, None, None] * model.embed(images)).sum(1)
    assert (e.cam - wanted).abs().max() <= 1e-9
    assert e.cam.shape == (2, 3, 5)
    assert not torch.allclose(e.cam[0], e.cam[1])


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "xgradcam"])
def test_a_read_out_of_the_class_token_alone_is_an_explanation_not_a_picture(method: str) -> None:
    """T10: the patches' gradient is zero, and nothing is normalised to look like evidence."""
    model, images = Tokens(1, "class token"), torch.randn(1, 3, 6, 10, dtype=torch.float64)
    reshape = camkit.tokens_to_grid(3, 5, 1)
    with pytest.warns(camkit.CamkitWarning, match="only the class token is read"):
        e = camkit.explain(model, images, method, 1, "norm", reshape_transform=reshape)
    assert not e.cam.any()
    assert not e.heatmap.any()
    assert "the gradient is exactly zero at every position of 'norm'" in str(e.blank(0))


class Pooled(nn.Module):
    """Explains as its map the image, pooled to `size`."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.pool, self.features = nn.AdaptiveAvgPool2d(size), nn.Identity()
        self.fc = linear([[1]], [0])

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(self.pool(images)).mean((2, 3)))


def explained(cam: list[list[float]], size: tuple[int, int]) -> camkit.Explanation:
    """An explanation with this map, or one near it, of an image of this size."""
    images = nn.functional.interpolate(tensor(cam)[None, None], size)
    return camkit.explain(Pooled((len(cam), len(cam[0]))), images, "gradcam", 1, "features")


def test_a_heatmap_is_resized_without_aligned_corners() -> None:
    """T11: [0, 1] on four pixels is [0, 1/4, 3/4, 1]; aligned, it would be [0, 1/3, 2/3, 1]."""
    e = explained([[0, 1]], (1, 4))
    assert e.cam.dtype == torch.float64
    assert e.heatmap.dtype == torch.float32
    assert torch.equal(e.heatmap, torch.tensor([[[0, 0.25, 0.75, 1]]]))
    aligned = camkit.upsample(e.cam, (1, 4), align_corners=True)
    assert (aligned / e.cam.max() - tensor([0, 1 / 3, 2 / 3, 1])).abs().max() <= 1e-9


def test_a_constant_map_stays_constant_and_a_negative_one_empty() -> None:
    """T11."""
    assert torch.equal(explained([[3, 3], [3, 3]], (5, 7)).heatmap, torch.ones(1, 5, 7))
    with pytest.warns(camkit.CamkitWarning, match="the map is negative everywhere"):
        e = explained([[-3, -3], [-3, -1]], (5, 7))
    assert not e.heatmap.any()
    assert (e.cam < 0).all()
