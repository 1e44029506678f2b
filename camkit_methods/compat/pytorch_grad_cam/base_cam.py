"""The class that all of pytorch-grad-cam's methods are made from, as a face of camkit's engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from camkit_core import Probe, untouched

from .activations_and_gradients import ActivationsAndGradients, Reshape, pull
from .arrays import anything, best, detached, device_of, is_ours, shows, weighted
from .bundle import mapped
from .heatmaps import Heatmaps
from .probing import Array, Asked, Needs
from .several import Pair, explained_together
from .utils.image import scale_cam_image
from .utils.svd_on_activations import get_2d_projection
from .views import VIEWS

Targets = Sequence[Callable[..., Tensor]] | None


class BaseCAM(Heatmaps):
    """A method bound to a model and its target layers.

    A subclass gives channel weights, by `get_cam_weights`, or a map, by `get_cam_image`. The
    engine runs the model, and leaves it as it was: nothing is hooked between calls. A subclass that
    reads the graph itself (`detach=False`), or the layers' lists in `activations_and_grads` by a
    `compute_cam_per_layer` of its own, gets a pass with hooks.

    Args:
        model: any eager PyTorch model.
        target_layers: modules of it, whose maps are averaged.
        reshape_transform: from a layer's output to (N, C, h, w).
        compute_input_gradient: whether `compute_cam_per_layer` reads the gradient at the images.
        uses_gradients: whether `grads` is wanted; None is given otherwise.
        tta_transforms: what `aug_smooth` averages over, as ttach's Compose; None for six versions.
        detach: whether arrays are given, not tensors with their graph.

    Attributes:
        outputs: what the model returned last, detached.
        batch_size: rows in one run, of methods that need many; may be set, and need not be.
    """

    needs: Needs = ""
    scores = False  # whether the method reads scores although it uses no gradients
    draws = False  # whether it draws random numbers, of which the engine takes none
    batch_size: int | None
    outputs: Any

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        compute_input_gradient: bool = False,
        uses_gradients: bool = True,
        tta_transforms: Any = None,
        detach: bool = True,
    ) -> None:
        self.model = model
        self.target_layers = target_layers
        self.device = device_of(model)
        self.reshape_transform = reshape_transform
        self.compute_input_gradient = compute_input_gradient
        self.uses_gradients = uses_gradients
        self.tta_transforms = VIEWS if tta_transforms is None else tta_transforms
        self.detach = detach
        self.activations_and_grads = ActivationsAndGradients(
            model, target_layers, reshape_transform, detach
        )
        self._asked = Asked(model, reshape_transform, self.needs, uses_gradients or self.scores)
        self._probe: Probe | None = None  # while the engine is at work
        self._blank: set[nn.Module] = set()  # layers that gave a blank map

    def get_cam_weights(
        self, input_tensor: Tensor, target_layers: Any, targets: Any, activations: Any, grads: Any
    ) -> Any:
        """Channel weights (N, C) from activations and gradients (N, C, h, w), or (N, C, d, h, w).

        Raises:
            NotImplementedError: unless a subclass has it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no get_cam_weights; write one")

    def get_cam_image(
        self,
        input_tensor: Tensor,
        target_layer: Any,
        targets: Any,
        activations: Any,
        grads: Any,
        eigen_smooth: bool = False,
    ) -> Array:
        """The map (N, h, w): the weighted sum over the channels, or its principal component."""
        weights = self.get_cam_weights(input_tensor, target_layer, targets, activations, grads)
        if isinstance(activations, Tensor):
            activations = activations.detach().cpu().numpy()
        evidence = weighted(weights, activations)
        return get_2d_projection(evidence) if eigen_smooth else evidence.sum(axis=1)

    def forward(self, input_tensor: Tensor, targets: Targets, eigen_smooth: bool = False) -> Array:
        """The heatmaps (N, H, W); see `__call__`."""
        images = input_tensor.to(self.device)
        targets = targets and list(targets)[: len(images)]  # those of a longer batch, as before
        if self._reads_graph():
            with untouched(self.model), torch.enable_grad():
                images, targets = self._run(images, targets)
                maps = self.compute_cam_per_layer(images, targets, eigen_smooth)
        else:
            maps = self.compute_cam_per_layer(images, targets, eigen_smooth)
        return self.aggregate_multi_layers(maps)

    def _reads_graph(self) -> bool:
        kind = type(self)
        own_weights = not is_ours(kind.get_cam_weights)
        return not is_ours(kind.compute_cam_per_layer) or (own_weights and not self.detach)

    def _run(self, images: Tensor, targets: Targets) -> tuple[Tensor, Targets]:
        """A pass with hooks: the images, with their gradient, and the targets."""
        images = images.detach().clone().requires_grad_()
        output = self.activations_and_grads(images)
        self.outputs = mapped(detached, output)
        asked: Any = best(output) if targets is None else targets
        if self.uses_gradients:
            pull(asked, output, images, graph=not self.detach)
        return images, asked

    def compute_cam_per_layer(
        self, input_tensor: Tensor, targets: Targets, eigen_smooth: bool
    ) -> list[Array]:
        """The map of each layer, in [0, 1] at the images' size: (N, 1, H, W) each."""
        size = self.get_target_width_height(input_tensor)
        of_layers = self._live_images if self._reads_graph() else self._images
        return [
            scale_cam_image(np.maximum(cam, 0), size)[:, None]
            for cam in of_layers(input_tensor, targets, eigen_smooth)
        ]

    def _live_images(self, images: Tensor, targets: Targets, eigen_smooth: bool) -> Iterator[Array]:
        kept = self.activations_and_grads
        # A copy, as a method that goes backward again has the hooks add to the list.
        gradients: list[Any] = list(kept.gradients) or [None] * len(kept.activations)
        for layer, acts, grads in zip(self.target_layers, kept.activations, gradients, strict=True):
            yield self.get_cam_image(images, layer, targets, acts, grads, eigen_smooth)

    def _images(self, images: Tensor, targets: Targets, eigen_smooth: bool) -> Iterator[Array]:
        self.activations_and_grads.clear()
        pairs = self._together(images, targets)
        for index, layer in enumerate(self.target_layers):
            image = partial(self._image, images, layer, targets, eigen_smooth)
            cam = self._shown(layer, *pairs[index], image) if pairs else None
            yield self._asked_for(layer, images, targets, image) if cam is None else cam

    def _together(self, images: Tensor, targets: Targets) -> Sequence[Pair]:
        """Activations and gradients of all layers, where one pass with hooks is the quickest."""
        one, layers = len(self.target_layers) == 1, self.target_layers
        alone = one and (self.uses_gradients or len(images) > 1 or layers[0] in self._blank)
        if alone or self.needs or self.scores or not self.detach:
            return ()
        self.outputs, pairs = explained_together(
            self.model, images, targets, layers, self.reshape_transform, self.uses_gradients
        )
        return pairs

    def _shown(
        self, layer: nn.Module, acts: Tensor, grads: Tensor | None, image: Callable[[], Array]
    ) -> Array | None:
        """The map of a pass with hooks; None of a blank one, of which the engine says why."""
        self._keep(acts, grads)
        if shows(cam := image()):
            return cam
        self._blank.add(layer)
        self.activations_and_grads.activations.pop()
        self.activations_and_grads.gradients[-1:] = []
        return None

    def _asked_for(
        self, layer: nn.Module, images: Tensor, targets: Targets, image: Callable[[], Array]
    ) -> Array:
        """The map by the engine."""
        read = partial(self._read, image)
        cam = self._asked.at(layer, images, targets, read, self.rows(images))
        return cam if self._within() else image()

    def rows(self, images: Tensor) -> int | None:
        """How many rows a run has at most; None for what suits the device."""
        return getattr(self, "batch_size", None)

    def _read(self, image: Callable[[], Array], probe: Probe) -> Array:
        """The map, where it is made while the engine is at work."""
        self.outputs = mapped(detached, probe.recording.output)
        self._keep(probe.activations, probe.gradients if self.uses_gradients else None)
        self._probe = probe
        try:
            return image() if self._within() else anything(probe.activations)
        finally:
            self._probe = None

    def _keep(self, activations: Tensor, gradients: Tensor | None) -> None:
        """Note what `get_cam_image` of the next layer is given."""
        self.activations_and_grads.activations.append(activations.cpu())
        if gradients is not None:
            self.activations_and_grads.gradients.append(gradients.cpu())

    def _image(
        self, images: Tensor, layer: nn.Module, targets: Targets, eigen_smooth: bool
    ) -> Array:
        kept = self.activations_and_grads
        grads = kept.gradients[-1].numpy() if kept.gradients else None
        asked = best(self.outputs) if targets is None else targets
        acts = kept.activations[-1].numpy()
        return self.get_cam_image(images, layer, asked, acts, grads, eigen_smooth)

    def _within(self) -> bool:
        """Whether the map is made while the engine is at work: not by code of the user's."""
        kind = type(self)
        return not self.draws and is_ours(kind.get_cam_weights) and is_ours(kind.get_cam_image)

    def of_probe(
        self, read: Callable[[Probe], Array], images: Tensor, layer: nn.Module, targets: Targets
    ) -> Array:
        """What `read` gives of the engine's probe of a layer; of another pass if there is none."""
        if self._probe is not None:
            return read(self._probe)
        values: list[Array] = []

        def kept(probe: Probe) -> Array:
            values.append(read(probe))
            return probe.activations.sum(1).cpu().numpy()

        self._asked.at(layer, images, targets, kept, self.rows(images))
        return values[0]
