"""What an adapter's function says of a model, and what it reads of it; for the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter import Adapter, as_grid
from ..forward.untouched import hooked, untouched
from ..inputs.forward_args import ForwardArgs, split
from ..inputs.prepare import Inputs
from ..pytree import first_tensor, leaf
from ..target_layer.installed import said
from .checks import require, skip
from .networks import seeded

Make = Callable[..., Adapter]
Call = Callable[[Tensor], Mapping[str, Any]]


@dataclass(frozen=True)
class Reading:
    """An adapter, a model that it is for, and the sizes of images that the model takes.

    Attributes:
        level: which of the adapters is read, where there is one for each level of a pyramid.
        kept: by level and size, the layer's output for noise, which the model ran on once.
    """

    make: Make
    model: nn.Module
    sizes: tuple[tuple[int, ...], ...]
    channels: int
    call: Call | None = None
    level: int = 0
    kept: dict[Any, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def levels(self) -> list[Reading]:
        """The reading of each level of a pyramid; of what is no pyramid, itself."""
        given = self._said(self.sizes[0])
        count = len(given) if isinstance(given, (list, tuple)) else 1
        return [replace(self, level=level) for level in range(count)]

    def adapter(self, size: tuple[int, ...], count: int = 2) -> Adapter:
        """What the adapter gives for images of a size."""
        given = self._said(size, count)
        adapter: Adapter = given[self.level] if isinstance(given, (list, tuple)) else given
        if isinstance(adapter, Adapter) and adapter.layer is None:
            skip("it leaves the layer to the search")
        return adapter

    def _said(self, size: tuple[int, ...], count: int = 2) -> Any:
        images, args = self.arguments(self.images(size, count))
        return said(self.make, Inputs(self.model, images, args))

    def arguments(self, pictures: Tensor) -> tuple[Tensor, ForwardArgs]:
        """The images as the model takes them, and the other arguments of its call."""
        images, args = split(pictures if self.call is None else dict(self.call(pictures)))
        return images, args.beside(pictures)

    def images(self, size: tuple[int, ...], count: int = 2) -> Tensor:
        """Seeded noise."""
        with seeded(7):
            return torch.randn(count, self.channels, *size)

    def on(self, model: nn.Module) -> Reading:
        """The same reading of another model."""
        return replace(self, model=model, kept={})

    def raw(self, size: tuple[int, ...], images: Tensor | None = None) -> Tensor:
        """The layer's output, in its own layout, for noise unless there are images."""
        if images is not None:
            return self._output(size, images.clone())
        if (self.level, size) not in self.kept:
            self.kept[self.level, size] = self._output(size, self.images(size))
        return self.kept[self.level, size].clone()

    def _output(self, size: tuple[int, ...], pictures: Tensor) -> Tensor:
        outputs: list[Tensor | None] = []
        adapter = self.adapter(size)

        def note(module: nn.Module, args: Any, output: Any) -> None:
            found = leaf(output, adapter.key) if adapter.key else first_tensor(output)
            outputs.append(found)

        with untouched(self.model), hooked(adapter.layer, note):
            self._run(pictures, adapter.entry)
        runs = len(outputs)
        require(runs == 1, f"the layer runs {runs} times in one forward pass, not once")
        (output,) = outputs
        assert output is not None
        return output.detach().clone()

    def _run(self, pictures: Tensor, entry: str | None) -> None:
        called = getattr(self.model, entry) if entry else self.model
        if self.call is None:
            called(pictures)
        else:
            called(**dict(self.call(pictures)))

    def grid(self, size: tuple[int, ...], raw: Tensor) -> Tensor:
        """The layer's output, read as the adapter says."""
        return as_grid(self.adapter(size, self.rows(size, raw)), raw, len(size))

    def rows(self, size: tuple[int, ...], raw: Tensor) -> int:
        """Of how many images a tensor in the layer's own layout is."""
        return 2 if self.call is None else len(raw) // len(self.raw(size, self.images(size, 1)))
