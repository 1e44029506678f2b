"""A tensor that could be explained: what a layer returned, and how it may lie over the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from ..layout import Layout
from ..names import LayerName

REACHED = 0.9  # of a grid's positions must have a gradient


@dataclass(eq=False)
class Candidate:
    """A floating-point tensor in a layer's output, for one image.

    Attributes:
        name: of the layer, and which of its calls and tensors.
        shape: of the tensor.
        slot: its slot on the tape; None if no call that the tape saw ties it to the image.
        layouts: how it may lie over the image, the likeliest first.
        certified: whether the calls that made it say how it lies; there is one layout then.
        kept: its values, in the graph, until the gradients are known.
        gradient: of the asked scores, summed absolute values; None if none depends on it.
        differentiable: whether autograd can follow the score back to it.
        reach: the share of its positions at which a score has a gradient; None where there are
            no values, as on the meta device.
        channels_reached: how many of its channels have a gradient somewhere.
        maximum: whether one position of each channel has a gradient, as under a maximum over all.
        places: the share of pairs of positions that a disturbance finds in order; None if untested.
        moved: how far a disturbance moved it, relative to its values; None if untested.
        alike: whether all of its positions moved alike.
        end: the slot of the tensor that the rest of the network reads in its place.
        after: the element-wise calls up to that tensor.
        loose: whether its grid does not fit the image's size.
        reason: why it is not explained; empty if it could be.
    """

    name: LayerName
    shape: tuple[int, ...]
    slot: int | None
    layouts: tuple[Layout, ...]
    certified: bool = False
    kept: Tensor | None = None
    gradient: Tensor | None = None
    differentiable: bool = True
    reach: float | None = 0.0
    channels_reached: int = 0
    maximum: bool = False
    places: float | None = None
    moved: float | None = None
    alike: bool = False
    end: int | None = None
    after: tuple[str, ...] = ()
    loose: bool = False
    reason: str = ""

    def __str__(self) -> str:
        return str(replace(self.name, after=self.after))

    @property
    def layout(self) -> Layout:
        """The layout that is taken."""
        return self.layouts[0]

    @property
    def channels(self) -> int:
        """How many channels the grid has."""
        return self.layout.channels(self.shape)

    @property
    def own_map(self) -> bool:
        """Whether a single one of several channels has a gradient."""
        return self.channels > 1 and self.channels_reached == 1

    @property
    def reached(self) -> bool:
        """Whether a score reads all of it, as far as can be known."""
        return self.reach is None or self.reach >= REACHED or self.maximum

    def take(self, layout: Layout) -> None:
        """Take one of the layouts, and measure the reach on its grid."""
        self.layouts = (layout, *(each for each in self.layouts if each != layout))
        self.measure()

    def measure(self) -> None:
        """Measure the reach of the gradient."""
        if self.gradient is None:
            self.reach = 0.0 if not self.differentiable else self.reach
            return
        if self.gradient.is_meta:
            self.reach = None
            return
        sizes = self.layout.seen.read(self.gradient)[0].abs()
        if not sizes.numel():
            return
        # Of numbers the maximum is quicker than `any` of whether they are zero.
        anywhere, by_channel = sizes.amax(0), sizes.flatten(1).amax(1)
        self.reach = int(anywhere.count_nonzero()) / anywhere.numel()
        self.channels_reached = int(by_channel.count_nonzero())
        single = self.reach < REACHED and self._single(sizes[by_channel != 0] != 0, anywhere != 0)
        self.maximum = single

    def _single(self, reached: Tensor, anywhere: Tensor) -> bool:
        """Whether most channels are reached, each at one position, and these lie all over."""
        if self.channels_reached <= max(3, self.channels / 2):
            return False
        single = float((reached.flatten(1).sum(1) == 1).float().mean())
        return single > 0.9 and _spread(anywhere)


def _spread(anywhere: Tensor) -> bool:
    """Whether the positions reached lie all over the grid."""
    positions = anywhere.nonzero()
    spans = positions.amax(0) - positions.amin(0) + 1
    return all(
        span >= 0.6 * side for span, side in zip(spans.tolist(), anywhere.shape, strict=True)
    )
