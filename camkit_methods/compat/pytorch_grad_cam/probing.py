"""One layer asked by camkit's engine: what a function reads of the recorded pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from camkit_core import Adapter, Method, Probe, explain

from .bundle import Bundled
from .utils.model_targets import ClassifierOutputTarget

Array = np.ndarray[Any, Any]
Read = Callable[[Probe], Array]
Needs = Literal["", "tail", "attention"]


class SeveralTensors(Exception):
    """The layer returns more than a tensor, and the reshape reads all of it."""


class SingleScore(Exception):
    """The model has one score, of which camkit makes two classes."""


@dataclass
class Asked:
    """A model asked at its layers.

    Attributes:
        model: the model.
        reshape: from the layer's output to (N, C, h, w).
        needs: as `Method.needs`, of what reads the probe.
        needs_class: whether it reads scores or gradients.
    """

    model: nn.Module
    reshape: Callable[[Any], Tensor] | None
    needs: Needs = ""
    needs_class: bool = True
    bundles: dict[nn.Module, Bundled] = field(default_factory=dict)
    single: set[nn.Module] = field(default_factory=set)  # layers that return one tensor

    def at(
        self,
        layer: nn.Module,
        images: Tensor,
        targets: Sequence[Callable[..., Tensor]] | None,
        read: Read,
        batch_size: int | None = None,
    ) -> Array:
        """The map that `read` makes of the probe of a layer: (N, h, w).

        Raises:
            CamkitError: as `camkit.explain`.
        """
        if layer in self.bundles:
            return self._bundled(layer, images, targets, read, batch_size)
        try:
            with self._watched(layer):
                adapter = Adapter(layer, self.reshape)
                return self._explained(self.model, adapter, images, targets, read, batch_size)
        except SeveralTensors:
            self.bundles[layer] = Bundled(self.model, layer)
        return self._bundled(layer, images, targets, read, batch_size)

    @contextmanager
    def _watched(self, layer: nn.Module) -> Iterator[None]:
        """See that a layer whose output is reshaped returns one tensor, until it once has.

        The engine takes a model with another hook for a changed one, and looks at it anew.
        """
        if self.reshape is None or layer in self.single:
            yield
            return
        watch = layer.register_forward_hook(_refuse_several)
        try:
            yield
            self.single.add(layer)
        finally:
            watch.remove()

    def _bundled(self, layer: nn.Module, *rest: Any) -> Array:
        bundle, reshape = self.bundles[layer], self.reshape
        adapter = Adapter(bundle.join, lambda values: reshape(bundle.apart(values)))  # type: ignore[misc]
        return self._explained(bundle, adapter, *rest)

    def _explained(
        self,
        model: nn.Module,
        adapter: Adapter,
        images: Tensor,
        targets: Sequence[Callable[..., Tensor]] | None,
        read: Read,
        batch_size: int | None,
    ) -> Array:
        @Method(needs=self.needs, needs_class=self.needs_class)
        def method(probe: Probe) -> Tensor:
            if self.needs_class and asked != functions and probe.logits.shape[1] == 1:
                raise SingleScore
            return torch.from_numpy(np.ascontiguousarray(read(probe))).to(probe.images.device)

        def explained() -> Array:
            settings: dict[str, Any] = {"adapter": adapter, "batch_size": batch_size}
            array: Array = explain(model, images, method, asked, **settings).cam.cpu().numpy()
            return array

        own: Sequence[Any] = (
            [ClassifierOutputTarget(0)] * len(images) if targets is None else list(targets)
        )
        functions: list[Callable[..., Tensor]] = [each.__call__ for each in own]
        asked: Any = _classes(targets, functions) if self.needs_class else None
        try:
            return explained()
        except SingleScore:
            asked = functions
        return explained()


def _refuse_several(module: nn.Module, args: Any, output: Any) -> None:
    if not isinstance(output, Tensor):
        raise SeveralTensors


def _classes(targets: Sequence[Any] | None, functions: list[Any]) -> Any:
    """Class targets as classes, which the engine asks in closed form; others as functions."""
    if targets is None:
        return None
    classes = [each.category for each in targets if type(each) is ClassifierOutputTarget]
    if len(classes) < len(targets) or not all(
        isinstance(each, int) and each >= 0 for each in classes
    ):
        return functions
    return classes
