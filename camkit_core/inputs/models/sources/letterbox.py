"""Letterboxing: a picture inside a size of other proportions, with grey beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..preprocessing import Picture, Preprocessing

GREY = 114  # of the bars


@dataclass(frozen=True)
class Letterbox(Preprocessing):
    """The preprocessing of YOLO: the whole picture, scaled to fit, with grey bars beside it.

    Attributes:
        stride: the bars are as short as whole multiples of it allow; None fills `size`.
        stretched: without bars: both sides are scaled to `size`, as for RT-DETR.
    """

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    stride: int | None = 32
    stretched: bool = False

    def tensor(self, picture: Picture) -> Tensor:
        """The model's input (3, H, W), float32 in [0, 1], of a picture (H', W', 3), uint8 RGB."""
        from ultralytics.data.augment import LetterBox

        box = LetterBox(
            self.size,
            auto=self.stride is not None and not self.stretched,
            scale_fill=self.stretched,
            stride=self.stride or 32,
            padding_value=GREY,
        )
        boxed = box(image=np.ascontiguousarray(picture))
        values = torch.from_numpy(np.ascontiguousarray(boxed)).permute(2, 0, 1).float() / 255
        return self.normalised(values)

    def changed(self, size: Any = None, mean: Any = None, std: Any = None) -> Preprocessing:
        """This preprocessing with the given values in place of its own; a size is filled."""
        changed = super().changed(size, mean, std)
        return changed if size is None else replace(changed, stride=None)  # type: ignore[call-arg]

    def record(self) -> dict[str, Any]:
        """What was done to a picture, ready for JSON: size, mean, std and the way of resizing."""
        until = "" if self.stride is None else f" to multiples of {self.stride}"
        how = "stretched" if self.stretched else f"letterbox, grey {GREY}{until}"
        return {**super().record(), "resize": how}
