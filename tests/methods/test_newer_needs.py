"""What the engine offers newer methods: other scores, positions, images, layers and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import LayerError, Probe, TargetError
from camkit_core.testing.state import nothing_changes
from helpers.small_nets import small_net
from helpers.toys import ConvNet, gap_linear, linear, tensor

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
NEW = (
    "finercam",
    "shapleycam",
    "reciprocam",
    "iscam",
    "sscam",
    "groupcam",
    "smoothgradcam++",
    "fullgrad",
    "refinecam",
    "kpcacam",
)
IMAGES = torch.randn(3, 3, 8, 12, generator=torch.Generator().manual_seed(0)).double()


def answer_of(
    question: Callable[[Probe], Any], model: nn.Module, images: Tensor = IMAGES, **settings: Any
) -> Any:
    """What a method gets from its probe in a call of explain."""
    answers: list[Any] = []

    def method(probe: Probe) -> Tensor:
        answers.append(question(probe))
        return probe.activations.sum(1)

    settings = {"target": 1, "layer": "body", **settings}
    camkit.explain(model, images, method, **settings)
    return answers[0]


def net() -> ConvNet:
    torch.manual_seed(0)
    return ConvNet()


# Another score


def test_a_score_of_all_logits_knows_the_class_of_each_image() -> None:
    def question(probe: Probe) -> Tensor:
        return probe.of_logits(lambda logits, category: logits.sum() + 10 * category).scores

    expected = net()(IMAGES).sum(1) + tensor([0, 20, 10])
    assert torch.allclose(answer_of(question, net(), target=[0, 2, 1]), expected)


def test_a_score_of_all_logits_needs_classes() -> None:
    def question(probe: Probe) -> None:
        with pytest.raises(TargetError, match="need class targets, got callables; pass class ind"):
            probe.of_logits(lambda logits, category: logits[0])

    answer_of(question, net(), target=lambda row: row[0])


@pytest.mark.parametrize("method", NEW)
def test_callables_are_explained_too(method: str) -> None:
    explanation = camkit.explain(net(), IMAGES, method, lambda row: row[0] - row[1], "body")
    assert torch.isfinite(explanation.cam).all()


def test_finercam_warns_of_a_target_that_is_no_class() -> None:
    def target(row: Tensor) -> Tensor:
        return row[0] - row[1]

    with pytest.warns(camkit.CamkitWarning, match="of a target that is none it gave Grad-CAM"):
        explanation = camkit.explain(net(), IMAGES, "finercam", target, "body")
    assert torch.allclose(
        explanation.cam, camkit.explain(net(), IMAGES, "gradcam", target, "body").cam
    )


# Masked positions


class Tokens(nn.Module):
    """Two prefix tokens and six patches in a grid of 2x3; the score is a sum over all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Identity(), linear([[1, -1]], [0])

    def forward(self, images: Tensor) -> Tensor:
        patches = images.flatten(2).transpose(1, 2)
        prefix = tensor([[[5, 0], [0, 7]]]).expand(len(images), -1, -1)
        return self.head(self.layer(torch.cat([prefix, patches], 1)).sum(1))


def test_a_mask_keeps_prefix_tokens() -> None:
    images = torch.arange(12).double().view(1, 2, 2, 3)
    mask = tensor([[0, 0, 1], [0, 0.5, 0]])
    scores = answer_of(
        lambda probe: probe.masked_scores([mask], 1),
        Tokens(),
        images,
        layer="layer",
        reshape_transform=camkit.tokens_to_grid(2, 3, prefix=2),
    )
    # The prefix gives 5 - 7, and each patch -6, as its channels differ by six.
    assert scores.tolist() == [[-2 - 6 * 1.5]]


def test_a_reshape_that_mixes_positions_cannot_be_masked() -> None:
    def mixing(output: Tensor) -> Tensor:
        return output + output.mean((2, 3), keepdim=True)

    with pytest.raises(LayerError, match="'body' are at which position: its reshape changes them"):
        camkit.explain(net(), IMAGES, "reciprocam", 1, "body", reshape_transform=mixing)


def test_reciprocam_keeps_one_position_of_the_layers_output() -> None:
    model = net()
    scores = answer_of(lambda probe: probe.masked_scores(torch.eye(96).view(96, 8, 12), 96), model)
    output: list[Tensor] = []
    model.body.register_forward_hook(lambda module, args, given: output.append(given))
    model(IMAGES)
    alone = torch.zeros_like(output[0])
    alone[..., 4, 5] = output[0][..., 4, 5]
    model.body.register_forward_hook(lambda module, args, given: alone)
    assert torch.allclose(scores[4 * 12 + 5], model(IMAGES)[:, 1])


# Second derivatives


@pytest.mark.parametrize("family", ["vit", "timm_vit"])
def test_curvature_behind_fused_attention_is_that_of_finite_differences(family: str) -> None:
    net = small_net(family)

    def question(probe: Probe) -> tuple[Tensor, Tensor]:
        raw, shares = probe.recording.raw.detach(), []
        for step in (1e-5, -1e-5):
            output = raw * (1 + step)
            handle = probe.recording.adapter.layer.register_forward_hook(lambda *_, o=output: o)
            moved = probe.recording.again(probe.images)
            handle.remove()
            with torch.enable_grad():
                score = probe.targets.scores(moved.output).sum()
            shares.append(torch.autograd.grad(score, moved.raw)[0])
        slope = (shares[0] - shares[1]) / 2e-5
        reshape = probe.recording.adapter.reshape
        assert reshape is not None
        return probe.hessian_times_activations, reshape(slope)

    product, expected = answer_of(question, net.model, net.images, layer=None)
    assert float(expected.abs().max()) > 1e-6
    assert torch.allclose(product, expected, rtol=1e-3, atol=1e-6 * float(expected.abs().max()))


# Full gradients


@pytest.mark.parametrize("family", ["resnet", "vgg", "densenet", "mnasnet", "timm_resnet"])
def test_full_gradients_add_up_to_the_score(family: str) -> None:
    net = small_net(family)

    def question(probe: Probe) -> tuple[Tensor, Tensor]:
        terms = probe.full_gradients
        shares = [term.flatten(1).sum(1) for term in (terms.images, *terms.biases)]
        return torch.stack([*shares, terms.linear]).sum(0), probe.scores

    terms, expected = answer_of(question, net.model, net.images, layer=None)
    assert torch.allclose(terms, expected)


# Changed images, other layers


def test_gradients_at_changed_images_are_those_of_an_explanation_of_them() -> None:
    changed = [IMAGES, IMAGES * 0.5]
    given = answer_of(lambda probe: list(probe.gradients_of(changed, 2)), net())
    for images, gradients in zip(changed, given, strict=True):
        assert torch.equal(gradients, answer_of(lambda probe: probe.gradients, net(), images))


def test_stages_are_the_last_layers_of_finer_grids() -> None:
    net = small_net("resnet")

    def question(probe: Probe) -> list[str]:
        return [stage.recording.layer for stage in probe.stages(count=1)]

    assert answer_of(question, net.model, net.images, layer=None) == ["layer1"]


def test_refinecam_multiplies_maps_that_know_the_class_at_early_layers_too() -> None:
    multiplied = camkit.explain(net(), IMAGES, "refinecam", 1, "norm", layers=["stem"]).cam
    maps = [camkit.explain(net(), IMAGES, "layercam", 1, name).cam for name in ("norm", "stem")]
    unit = [camkit.unit_range(cam.relu()) for cam in maps]
    assert torch.allclose(multiplied, unit[0] * unit[1])


def test_a_named_stage_without_a_grid_is_an_error() -> None:
    with pytest.raises(
        LayerError, match=r"layer 'head' .* gives no grid .*; those that do: .*body"
    ):
        camkit.explain(net(), IMAGES, "refinecam", 1, "body", layers=["head"])


# All of them


@pytest.mark.parametrize("method", NEW)
def test_the_model_is_left_as_it_was_also_after_an_error(method: str) -> None:
    model = net().train()
    with nothing_changes(model, IMAGES):
        camkit.explain(model, IMAGES, method, 1, "body")
        with pytest.raises(TargetError):
            camkit.explain(model, IMAGES, method, lambda row: row, "body")


@pytest.mark.parametrize("method", ["sscam", "smoothgradcam++", "groupcam", "refinecam"])
def test_a_batch_gives_the_maps_of_its_images_alone(method: str) -> None:
    together = camkit.explain(net(), IMAGES, method, 1, "body").cam
    alone = [camkit.explain(net(), image[None], method, 1, "body").cam for image in IMAGES]
    assert torch.allclose(together, torch.cat(alone))


@pytest.mark.parametrize("method", ["sscam", "smoothgradcam++"])
def test_noise_is_repeated_by_its_seed(method: str) -> None:
    maps = [
        camkit.explain(net(), IMAGES, method, 1, "body", seed=seed, samples=2).cam
        for seed in (4, 4, 5)
    ]
    assert torch.equal(maps[0], maps[1])
    assert not torch.allclose(maps[0], maps[2])


@pytest.mark.parametrize("alias", ["Smooth-Grad-CAM++", "SS-CAM", "Full_Grad", "KPCA_CAM"])
def test_names_as_the_papers_spell_them(alias: str) -> None:
    model = gap_linear([[1, 0], [0, 1]], [0, 0])
    assert camkit.explain(model, IMAGES[:, :2], alias, 1, "0").method in NEW


def test_another_score_without_a_slope_is_told_apart_from_one_against_the_class() -> None:
    model = small_net("vit").model
    layer = model.encoder.layers[-1].mlp  # behind the last attention, only the class token is read
    images = torch.randn(1, 3, 32, 32).double()
    explanation = camkit.explain(model, images, "finercam", 1, layer)
    assert "the gradient is exactly zero" in " ".join(explanation.notes)
