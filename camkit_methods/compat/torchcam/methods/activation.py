"""torch-cam's extractors without gradients: the classifier's weights, and masked images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import ArgumentTypeError, LayerError, upsample

from ....iscam import iscam
from ....scorecam import scorecam
from ._utils import evaluating
from .core import _CAM
from .hooked import HookedPass, channel_weights
from .scoring import class_scores, resolve_targets, target_scores

__all__ = ["CAM", "ISCAM", "SSCAM", "ScoreCAM"]

logger = logging.getLogger(__name__)


class CAM(_CAM):
    """The first class activation map (Zhou et al. 2016), of the classifier's own weights.

    Args:
        model: a model that ends in global pooling and one fully connected layer.
        target_layer: the layer before the pooling; None for the last grid.
        fc_layer: the fully connected layer or 1x1 convolution, or its name; None for the only one.
        input_shape: of one image, for the automatic choice.
        kwargs: `enable_hooks` and `reshape_transform`.

    Raises:
        LayerError: for several target layers, or if no fully connected layer can be chosen.
        ArgumentTypeError: for another type of layer.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        fc_layer: nn.Module | str | None = None,
        input_shape: tuple[int, ...] = (3, 224, 224),
        **kwargs: Any,
    ) -> None:
        if isinstance(target_layer, list) and len(target_layer) > 1:
            raise LayerError("CAM takes one target layer: the one before the global pooling")
        super().__init__(model, target_layer, input_shape, **kwargs)
        try:
            name = self._classifier_name(fc_layer)
            self._fc_weights: Tensor = self.submodule_dict[name].weight.data.flatten(1)
        except BaseException:
            self.remove_hooks()
            raise

    def _classifier_name(self, fc_layer: Any) -> str:
        if isinstance(fc_layer, str):
            return fc_layer
        if isinstance(fc_layer, nn.Module):
            return self._resolve_layer_name(fc_layer)
        if fc_layer is not None:
            raise ArgumentTypeError(
                f"got a {type(fc_layer).__name__} as fc_layer; pass a module or its dotted name"
            )
        linear = [name for name, part in self.submodule_dict.items() if isinstance(part, nn.Linear)]
        if len(linear) != 1:
            raise LayerError(
                f"the model has {len(linear)} fully connected layers, so `fc_layer` cannot be "
                f"chosen; pass the one that follows the pooling"
            )
        logger.warning("no value was provided for `fc_layer`, thus set to '%s'.", linear[0])
        chosen: str = linear[0]
        return chosen

    @torch.no_grad()
    def _get_weights(self, class_idx: Any, scores: Any = None, **kwargs: Any) -> list[Tensor]:
        rows = [class_idx] if isinstance(class_idx, int) else class_idx
        return [self._fc_weights[rows]]


class ScoreCAM(_CAM):
    """Score-CAM, see `camkit_methods.scorecam` and its variant "torch-cam".

    Args:
        model: the model that the user runs.
        target_layer: a module, its dotted name, a list of these, or None for the last grid.
        batch_size: how many masked images run at once.
        input_shape: of one image, for the automatic choice.
        kwargs: `enable_hooks` and `reshape_transform`.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        batch_size: int = 32,
        input_shape: tuple[int, ...] = (3, 224, 224),
        **kwargs: Any,
    ) -> None:
        super().__init__(model, target_layer, input_shape, **kwargs)
        self.hook_handles.append(model.register_forward_pre_hook(self._store_input))
        self.bs = batch_size
        self._relu = self._targets_supported = True

    def _store_input(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self._hooks_enabled:
            self._input = args[0].detach().clone()

    @torch.no_grad()
    def _get_weights(
        self, class_idx: Any, scores: Any = None, targets: Any = None, **kwargs: Any
    ) -> list[Tensor]:
        with self._hooks_off(), evaluating(self.model):
            return [self._layer_weights(act, class_idx, targets) for act in self.hook_a]

    def _layer_weights(self, activation: Tensor, class_idx: Any, targets: Any) -> Tensor:
        scoring = partial(self._input_scores, class_idx, targets)
        hooked = HookedPass(activation, images=self._input, input_scores=scoring)
        return self._weights_of(hooked)

    def _weights_of(self, hooked: HookedPass) -> Tensor:
        return channel_weights(scorecam, hooked, variant="torch-cam")

    def _input_scores(
        self, class_idx: Any, targets: Any, image: int, edits: Iterable[Tensor], total: int
    ) -> Tensor:
        own = _of_one(class_idx, targets, image, len(self._input))
        edits, sizes = iter(edits), range(0, total, self.bs)
        chunks = (self._masked_input_chunk(edits) for _ in sizes)
        return torch.cat([own(self.model(chunk)) for chunk in chunks])

    def _masked_input_chunk(self, edits: Iterator[Tensor]) -> Tensor:
        return torch.stack(list(islice(edits, self.bs)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_size={self.bs})"


def _of_one(class_idx: Any, targets: Any, image: int, count: int) -> Callable[[Any], Tensor]:
    """From an output for versions of one image to the scores of its class or target."""
    if targets is not None:
        target = resolve_targets(targets, count)[image]
        return lambda output: target_scores(output, target)
    category = class_idx if isinstance(class_idx, int) else class_idx[image]
    return lambda output: class_scores(output, category)


class SSCAM(ScoreCAM):
    """SS-CAM, see `camkit_methods.sscam` and its variant "torch-cam".

    The noise is drawn from torch's own random state, in torch-cam's order.

    Args:
        model: the model that the user runs.
        target_layer: a module, its dotted name, a list of these, or None for the last grid.
        batch_size: how many masked images run at once.
        num_samples: how many noisy versions of each mask.
        std: the noise's standard deviation.
        input_shape: of one image, for the automatic choice.
        kwargs: `enable_hooks` and `reshape_transform`.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        batch_size: int = 32,
        num_samples: int = 35,
        std: float = 2.0,
        input_shape: tuple[int, ...] = (3, 224, 224),
        **kwargs: Any,
    ) -> None:
        super().__init__(model, target_layer, batch_size, input_shape, **kwargs)
        self.num_samples, self.std = num_samples, std
        self._distrib = torch.distributions.Normal(0, std)

    def _weights_of(self, hooked: HookedPass) -> Tensor:
        count, images = self.num_samples, self._input
        sample: Any = self._distrib.sample
        masks = self._masks(hooked.activations)
        total = torch.zeros(masks.shape[:2], dtype=masks.dtype, device=masks.device)
        for _ in range(count):
            noisy = masks + sample(masks.size()).to(masks.device)
            total += torch.stack(
                [
                    hooked.input_scores(i, (mask * images[i] for mask in noisy[i]), masks.shape[1])
                    for i in range(len(images))
                ]
            )
        return (total / count).softmax(1)

    def _masks(self, activations: Tensor) -> Tensor:
        """The activations (N, C, H, W) at the input's size, each channel stretched to [0, 1]."""
        stretched = self._normalize(activations.clone(), activations.ndim - 2)
        masks = upsample(stretched.flatten(0, 1), self._input.shape[2:])
        return masks.view(*activations.shape[:2], *masks.shape[1:])

    def __repr__(self) -> str:
        extra = f"num_samples={self.num_samples}, std={self.std}"
        return f"{type(self).__name__}(batch_size={self.bs}, {extra})"


class ISCAM(ScoreCAM):
    """IS-CAM, see `camkit_methods.iscam` and its variant "torch-cam".

    Args:
        model: the model that the user runs.
        target_layer: a module, its dotted name, a list of these, or None for the last grid.
        batch_size: how many masked images run at once.
        num_samples: how many steps from nothing to the mask.
        input_shape: of one image, for the automatic choice.
        kwargs: `enable_hooks` and `reshape_transform`.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        batch_size: int = 32,
        num_samples: int = 10,
        input_shape: tuple[int, ...] = (3, 224, 224),
        **kwargs: Any,
    ) -> None:
        super().__init__(model, target_layer, batch_size, input_shape, **kwargs)
        self.num_samples = num_samples

    def _weights_of(self, hooked: HookedPass) -> Tensor:
        return channel_weights(iscam, hooked, variant="torch-cam", steps=self.num_samples)
