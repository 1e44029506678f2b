"""Classes that users make of BaseCAM work as they do on pytorch-grad-cam."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_grad_cam as peer
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget as PeersTarget
from torch import Tensor, nn

from camkit_methods.compat import pytorch_grad_cam as compat
from camkit_methods.compat.pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget


class Small(nn.Module):
    """A convolution, a ReLU in place, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, 2)
        self.norm = nn.BatchNorm2d(5)
        self.act = nn.GELU()
        self.head = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 4)."""
        return self.head(self.act(self.norm(self.conv(x))).mean((2, 3)) ** 2)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(1)
    return Small().eval()


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(2, 3, 12, 14)


def by_weights(library: Any) -> type:
    class Mine(library.base_cam.BaseCAM):
        def get_cam_weights(self, input_tensor, target_layer, targets, activations, grads):
            assert isinstance(activations, np.ndarray)
            assert [target.category for target in targets] == [1, 2]
            return np.abs(grads).max(axis=(2, 3))

    return Mine


def by_a_parents_weights(library: Any) -> type:
    class Mine(library.GradCAMPlusPlus):
        def get_cam_weights(self, *args):
            return super().get_cam_weights(*args) ** 2

    return Mine


def by_image(library: Any) -> type:
    class Mine(library.base_cam.BaseCAM):
        def get_cam_image(
            self, input_tensor, target_layer, targets, activations, grads, eigen_smooth
        ):
            return (activations * np.random.random(activations.shape)).max(axis=1)

    return Mine


def by_runs_of_its_own(library: Any) -> type:
    class Mine(library.base_cam.BaseCAM):
        def get_cam_weights(self, input_tensor, target_layer, targets, activations, grads):
            assert grads is None
            with torch.no_grad():
                scores = self.model(input_tensor * 0.5)
            return activations.mean(axis=(2, 3)) * scores.max(1).values.cpu().numpy()[:, None]

        def __init__(self, model, target_layers, reshape_transform=None):
            super().__init__(model, target_layers, reshape_transform, uses_gradients=False)

    return Mine


def by_the_graph(library: Any) -> type:
    class Mine(library.base_cam.BaseCAM):
        def __init__(self, model, target_layers):
            super().__init__(model, target_layers, compute_input_gradient=True, detach=False)

        def get_cam_weights(self, input_tensor, target_layer, targets, activations, grads):
            product = torch.autograd.grad(grads, activations, activations, True)[0]
            return (grads - product).mean((2, 3)).detach().cpu().numpy()

    return Mine


def by_the_lists(library: Any) -> type:
    class Mine(library.base_cam.BaseCAM):
        def __init__(self, model, target_layers):
            super().__init__(model, target_layers, compute_input_gradient=True)

        def compute_cam_per_layer(self, input_tensor, targets, eigen_smooth):
            kept = self.activations_and_grads
            pairs = zip(kept.activations, kept.gradients, strict=True)
            maps = [(a * g).sum(1).numpy() for a, g in pairs]
            size = self.get_target_width_height(input_tensor)
            scaled = [library.utils.image.scale_cam_image(each, size)[:, None] for each in maps]
            images = input_tensor.grad.abs().sum(1).numpy()
            return [*scaled, library.utils.image.scale_cam_image(images)[:, None]]

    return Mine


@pytest.mark.parametrize(
    "make",
    [
        by_weights,
        by_a_parents_weights,
        by_image,
        by_runs_of_its_own,
        by_the_graph,
        by_the_lists,
    ],
)
def test_a_users_class_gives_what_it_gives_on_the_peer(
    make: Any, model: nn.Module, x: Tensor
) -> None:
    before = [hooks for module in model.modules() for hooks in module._forward_hooks]
    both = []
    for library, target in ((peer, PeersTarget), (compat, ClassifierOutputTarget)):
        np.random.seed(0)
        with make(library)(model, [model.norm, model.act]) as cam:
            maps = cam(x, [target(1), target(2)])
            both.append((maps, np.asarray(cam.outputs.detach())))
        model.zero_grad()
    assert np.abs(both[0][0] - both[1][0]).max() < 1e-5
    assert np.allclose(both[0][1], both[1][1], atol=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [hooks for module in model.modules() for hooks in module._forward_hooks] == before


def test_a_class_without_formula_says_what_to_write(model: nn.Module, x: Tensor) -> None:
    with pytest.raises(NotImplementedError, match="BaseCAM has no get_cam_weights"):
        compat.BaseCAM(model, [model.act])(x, None)


def test_users_read_what_was_recorded(model: nn.Module, x: Tensor) -> None:
    cam = compat.GradCAM(model, [model.norm, model.act])
    cam(x, None)
    kept = cam.activations_and_grads
    assert [each.shape for each in kept.activations] == [(2, 5, 5, 6)] * 2
    assert [each.shape for each in kept.gradients] == [(2, 5, 5, 6)] * 2
    assert torch.allclose(kept.activations[1], model.act(kept.activations[0]), atol=1e-6)
    assert not cam.outputs.requires_grad


def test_the_hooks_class_gives_gradients_after_the_users_own_backward(
    model: nn.Module, x: Tensor
) -> None:
    both = []
    for library in (peer, compat):
        kept = library.ActivationsAndGradients(model, [model.norm, model.act], None)
        kept(x)[0, 2].backward()
        both.append([*kept.activations, *kept.gradients])
        kept.release()
    assert all(torch.equal(*pair) for pair in zip(*both, strict=True))


def test_weights_of_a_method_that_runs_the_model_may_be_asked_alone(
    model: nn.Module, x: Tensor
) -> None:
    targets = [ClassifierOutputTarget(1)] * 2
    cam = compat.ScoreCAM(model, [model.act])
    acts = model.act(model.norm(model.conv(x))).detach().numpy()
    weights = cam.get_cam_weights(x, model.act, targets, acts, None)
    theirs = peer.ScoreCAM(model, [model.act])
    assert np.allclose(weights, theirs.get_cam_weights(x, model.act, targets, acts, None))


def test_an_ablation_layer_of_the_users_own_is_asked(model: nn.Module, x: Tensor) -> None:
    both = []
    for library in (peer, compat):

        class Halved(library.AblationLayer):
            def __call__(self, x):
                for row in range(len(self.activations)):
                    self.activations[row, self.indices[row]] *= 0.5
                return self.activations

        cam = library.AblationCAM(model, [model.act], ablation_layer=Halved(), batch_size=2)
        both.append(cam(x, None))
    assert np.abs(both[0] - both[1]).max() < 1e-5


def test_a_class_that_was_pasted_somewhere_knows_no_module(model: nn.Module, x: Tensor) -> None:
    pasted: dict[str, Any] = {"base": compat.GradCAM, "__builtins__": __builtins__}
    text = "class Mine(base):\n    def get_cam_weights(self, *args): return args[-1].max((2, 3))"
    exec(text, pasted | {"__name__": None}, pasted)
    assert pasted["Mine"](model, [model.act])(x, None).shape == (2, 12, 14)
