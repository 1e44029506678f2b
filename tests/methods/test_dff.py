"""Deep feature factorization against activations whose factors are known, and against its peer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import CamkitError
from camkit_methods.dff import factorized
from helpers.small_nets import small_net
from helpers.toys import gap_linear, tensor

# Two concepts at places that do not overlap: the activations are their sum, and nothing else is.
LEFT, RIGHT = tensor([[1.0, 0.0], [0.5, 0.0]]), tensor([[0.0, 0.2], [0.0, 1.0]])
OF_LEFT, OF_RIGHT = tensor([3.0, 1.0, 0.0]), tensor([0.0, 1.0, 2.0])
IMAGES = (OF_LEFT.view(3, 1, 1) * LEFT + OF_RIGHT.view(3, 1, 1) * RIGHT)[None]
HEAD = [[1, 0, 0], [0, 0, 3]]
MODEL = gap_linear(HEAD, [0, 1])


def explained(images: Tensor = IMAGES, **options: Any) -> camkit.Explanation:
    options = {"concepts": 2, **options}
    return camkit.explain(MODEL, images, "dff", options.pop("target", 0), "0", **options)


def found(explanation: camkit.Explanation) -> camkit.Concepts:
    assert explanation.concepts is not None
    return explanation.concepts


def test_what_was_added_up_is_taken_apart() -> None:
    concepts = found(explained())
    assert torch.allclose(concepts.maps[0], torch.stack([LEFT, RIGHT]), atol=1e-6)
    assert torch.allclose(concepts.features[0], torch.stack([OF_LEFT, OF_RIGHT]), atol=1e-6)


def test_a_concepts_share_is_that_of_the_activations() -> None:
    # Of 4 * 1.5 and 3 * 1.2.
    expected = tensor([[6 / 9.6, 3.6 / 9.6]])
    assert torch.allclose(found(explained()).shares, expected, atol=1e-6)


def test_its_scores_are_what_the_classifier_says_of_its_features() -> None:
    scores = found(explained()).scores
    assert scores is not None
    # The classifier gives 1 * 3 and 1, and 0 and 3 * 2 + 1.
    assert torch.allclose(scores[0], tensor([[3, 1], [0, 7]]), atol=1e-5)


@pytest.mark.parametrize(("concept", "target", "expected"), [
    (0, 1, LEFT), (1, 0, RIGHT), ("target", 0, LEFT), ("target", 1, RIGHT),
    ("target", lambda scores: scores[1], RIGHT),
])  # fmt: skip
def test_the_map_is_that_of_the_concept_asked_for(
    concept: Any, target: Any, expected: Tensor
) -> None:
    cam = explained(concept=concept, target=target).cam[0]
    assert torch.allclose(cam, expected, atol=1e-6)


def test_negative_activations_are_lifted_and_lowered_again() -> None:
    lowered = IMAGES - tensor([1.0, 0.0, 2.0]).view(1, 3, 1, 1)
    features, maps = factorized(lowered, 2)
    assert torch.allclose(maps[0], torch.stack([LEFT, RIGHT]), atol=1e-6)
    assert torch.allclose(features, torch.stack([OF_LEFT, OF_RIGHT]) - tensor([1, 0, 2]), atol=1e-5)


def test_together_the_images_have_the_same_concepts() -> None:
    images = torch.cat([IMAGES, IMAGES.flip(3)])
    concepts = found(explained(images, together=True))
    assert torch.allclose(concepts.features[0], concepts.features[1])
    assert torch.allclose(concepts.maps[1], concepts.maps[0].flip(2), atol=1e-5)


def test_images_without_activations_have_empty_concepts() -> None:
    concepts = found(explained(torch.zeros_like(IMAGES)))
    assert not concepts.maps.any()
    assert not concepts.shares.any()


def test_a_model_without_classes_has_concepts_without_scores() -> None:
    features = nn.Sequential(nn.Identity(), nn.Conv2d(3, 2, 1, dtype=torch.float64))
    explanation = camkit.explain(features, IMAGES, "dff", None, "0", concepts=2)
    assert found(explanation).scores is None
    assert torch.allclose(explanation.cam[0], LEFT, atol=1e-6)


def test_other_layers_have_other_concepts() -> None:
    net = small_net("resnet", torch.float32)
    explanation = camkit.explain(net.model, net.images, "dff", 1, ["layer4", "layer3"], concepts=2)
    assert explanation.concepts is None
    assert any("other concepts at each layer" in note for note in explanation.notes)


def test_more_concepts_than_there_can_be_are_empty() -> None:
    concepts = found(explained(concepts=6))
    assert not concepts.maps[0, 3:].any()
    assert torch.allclose(concepts.maps[0, :2], torch.stack([LEFT, RIGHT]), atol=1e-3)


def test_a_concept_that_is_none_of_them_is_an_error() -> None:
    with pytest.raises(CamkitError, match="concept= below concepts=2; got 2"):
        explained(concept=2)


def test_a_file_has_the_concepts(tmp_path: Any) -> None:
    explanation = explained()
    arrays, _ = camkit.load_raw(explanation.save(tmp_path / "dff.npz"))
    assert arrays["concepts"].shape == (1, 2, 2, 2)
    assert arrays["concept_scores"].shape == (1, 2, 2)
    first, second = explanation.summary()["concepts"]
    assert (first["target"], second["target"]) == (0, 1)
    assert (first["chosen"], second["chosen"]) == (True, False)


def test_scores_are_the_classifier_on_the_features_behind_global_pooling() -> None:
    net = small_net("resnet", torch.float64)
    concepts = found(camkit.explain(net.model, net.images, "dff", 1, concepts=3))
    assert concepts.scores is not None
    head = net.model.get_submodule("fc")
    assert torch.allclose(concepts.scores, head(concepts.features).detach(), atol=1e-6)


def test_a_transformers_other_tokens_stay_as_they_are() -> None:
    net = small_net("vit", torch.float64)
    explanation = camkit.explain(net.model, net.images[:1], "dff", 1, concepts=2)
    concepts, edited = found(explanation), []

    def swap(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        tokens = concepts.features[0, 0].expand(1, output.shape[1] - 1, -1)
        edited.append(torch.cat([output[:, :1], tokens], 1))
        return edited[-1]

    handle = net.model.get_submodule(explanation.layer).register_forward_hook(swap)
    expected = net.model(net.images[:1]).detach()
    handle.remove()
    assert concepts.scores is not None
    assert torch.allclose(concepts.scores[:, 0], expected, atol=1e-6)


def test_it_comes_as_near_to_the_activations_as_the_peer() -> None:
    from pytorch_grad_cam.feature_factorization.deep_feature_factorization import dff

    net = small_net("resnet", torch.float32)
    activations = torch.relu(net.model.get_parameter("conv1.weight").detach()[None, :, 0])
    features, maps = factorized(activations, 3)
    theirs, cams = (torch.as_tensor(each) for each in dff(activations.numpy().copy(), 3))
    ours = (torch.einsum("kc,nkhw->nchw", features, maps) - activations).norm()
    their = (torch.einsum("ck,nkhw->nchw", theirs, cams) - activations).norm()
    assert float(ours) <= 1.01 * float(their)
