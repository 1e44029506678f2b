"""Deep feature factorization (https://arxiv.org/abs/1806.10206), under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from camkit_core import ImportFailed, Probe

from ..activations_and_gradients import ActivationsAndGradients, Reshape
from ..arrays import anything
from ..probing import Array, Asked
from ..utils.image import create_labels_legend, scale_cam_image, show_factorization_on_image


def dff(activations: Array, n_components: int = 5) -> tuple[Array, Array]:
    """Activations (N, C, h, w) as products of concepts (C, K) and their maps (N, K, h, w).

    The factorization is scikit-learn's from a random start, where camkit's own `dff` needs neither.

    Raises:
        ImportFailed: without scikit-learn.
    """
    try:
        from sklearn.decomposition import NMF
    except ImportError as error:
        raise ImportFailed(
            "pytorch-grad-cam factorizes by scikit-learn, which is not installed: python -m pip "
            "install 'camkit[data]'; or camkit.explain(model, images, 'dff'), which needs none"
        ) from error
    images, channels, *grid = activations.shape
    rows = np.nan_to_num(activations.swapaxes(0, 1).reshape(channels, -1), nan=0.0)
    least = rows.min(axis=1, keepdims=True)
    factors = NMF(n_components=n_components, init="random", random_state=0)
    concepts: Array = factors.fit_transform(rows - least) + least
    maps: Array = factors.components_.reshape(n_components, images, *grid).swapaxes(0, 1)
    return concepts, maps


class DeepFeatureFactorization:
    """The concepts that a layer's activations are made of.

    Args:
        model: any eager PyTorch model.
        target_layer: a module of it.
        reshape_transform: from the layer's output to (N, C, h, w).
        computation_on_concepts: from concepts (K, C) to scores, such as the model's head.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module,
        reshape_transform: Reshape | None = None,
        computation_on_concepts: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.model = model
        self.computation_on_concepts = computation_on_concepts
        self.activations_and_grads = ActivationsAndGradients(
            model, [target_layer], reshape_transform
        )
        self._layer = target_layer
        self._asked = Asked(model, reshape_transform, needs_class=False)

    def __call__(self, input_tensor: Tensor, n_components: int = 16) -> tuple[Any, ...]:
        """Concepts (C, K) and, for each image, their heatmaps (K, H, W); scores, if they are asked.

        Args:
            input_tensor: the images (N, C, H, W).
            n_components: K.
        """
        found: list[Array] = []

        def read(probe: Probe) -> Array:
            self.activations_and_grads.activations = [probe.activations.cpu()]
            found.append(probe.activations.cpu().numpy())
            return anything(probe.activations)

        self._asked.at(self._layer, input_tensor, None, read)
        concepts, maps = dff(found[0], n_components)
        size = tuple(input_tensor.shape[:1:-1])
        heatmaps = [scale_cam_image(each, size) for each in maps]
        if self.computation_on_concepts is None:
            return concepts, heatmaps
        with torch.no_grad():
            scores = self.computation_on_concepts(
                torch.from_numpy(np.asarray(concepts.T, np.float32))
            )
        return concepts, heatmaps, scores.cpu().numpy()


def run_dff_on_image(
    model: Any,
    target_layer: nn.Module,
    classifier: Callable[[Tensor], Tensor],
    img_pil: Any,
    img_tensor: Tensor,
    reshape_transform: Reshape | None = None,
    n_components: int = 5,
    top_k: int = 2,
) -> Array:
    """A picture beside its concepts in colours, and a legend of their best classes.

    Args:
        model: a model whose `config.id2label` names its classes.
        target_layer: a module of it.
        classifier: from concepts to class scores.
        img_pil: the picture.
        img_tensor: the same (C, H, W), prepared for the model.
        reshape_transform: from the layer's output to (N, C, h, w).
        n_components: how many concepts.
        top_k: classes in the legend.
    """
    factorization = DeepFeatureFactorization(model, target_layer, reshape_transform, classifier)
    _, maps, scores = factorization(img_tensor[None], n_components)
    labels = create_labels_legend(
        torch.softmax(torch.from_numpy(scores), -1).numpy(), model.config.id2label, top_k
    )
    picture = np.array(img_pil)
    drawn = show_factorization_on_image(
        picture / 255, maps[0], image_weight=0.3, concept_labels=labels
    )
    return np.hstack([picture, drawn])
