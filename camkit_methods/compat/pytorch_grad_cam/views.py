"""The six versions of the images that smoothing averages over, in ttach's form."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class View:
    """Images mirrored or not, and times a factor; as a transform of ttach's Compose."""

    mirrored: bool
    factor: float

    def augment_image(self, image: Tensor) -> Tensor:
        """The images (N, C, H, W) seen so."""
        return self.deaugment_mask(image) * self.factor

    def deaugment_mask(self, mask: Tensor) -> Tensor:
        """Maps (N, 1, H, W) of these images, as they lie in the plain ones."""
        return mask.flip(3) if self.mirrored else mask


VIEWS = tuple(View(mirrored, factor) for mirrored in (False, True) for factor in (0.9, 1, 1.1))
