"""A shape tells its layout, and a layout reads its own output."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from camkit_core.target_layer.layout import Layout
from camkit_core.target_layer.shapes import layout_of


@pytest.mark.parametrize(
    ("shape", "size", "layout"),
    [
        ((1, 512, 7, 7), (224, 224), "NCHW 7x7"),
        ((1, 7, 7, 768), (224, 224), "NHWC 7x7"),
        ((1, 2048, 8, 8), (299, 299), "NCHW 8x8"),
        ((1, 64, 7, 10), (224, 320), "NCHW 7x10"),
        ((1, 10, 7, 64), (320, 224), "NHWC 10x7"),
        ((1, 14, 14, 16), (224, 224), "NHWC 14x14"),
        ((1, 196, 192), (224, 224), "NLC 14x14"),
        ((1, 197, 192), (224, 224), "NLC 1 + 14x14"),
        ((1, 198, 192), (224, 224), "NLC 2 + 14x14"),
        ((1, 201, 192), (224, 224), "NLC 5 + 14x14"),
        ((1, 281, 192), (224, 320), "NLC 1 + 14x20"),
        ((1, 192, 196), (224, 224), "NCL 14x14"),
        ((1, 512, 1, 1), (224, 224), "None"),
        ((1, 3, 197, 64), (224, 224), "None"),
        ((1, 1000), (224, 224), "None"),
        ((1, 1, 256), (224, 224), "None"),
        ((1, 2, 256), (224, 224), "None"),
        ((1, 199, 192), (224, 224), "None"),
        ((1, 64, 40, 10), (224, 224), "None"),
    ],
)
def test_a_shape_tells_its_layout(
    shape: tuple[int, ...], size: tuple[int, int], layout: str
) -> None:
    assert str(layout_of(shape, size)) == layout


def test_prefix_tokens_that_the_model_states_come_first() -> None:
    assert layout_of((1, 9, 8), (32, 32)) == Layout("NLC", (3, 3))
    assert layout_of((1, 9, 8), (32, 32), (5, 0)) == Layout("NLC", (2, 2), 5)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "NLC", "NCL"])
def test_a_layout_reads_its_own_output(layout: Any) -> None:
    grid = torch.randn(2, 4, 3, 5)
    tokens = grid.flatten(2).transpose(1, 2)
    written = {
        "NCHW": grid,
        "NHWC": grid.permute(0, 2, 3, 1),
        "NLC": torch.cat([torch.zeros(2, 2, 4), tokens], 1),
        "NCL": tokens.transpose(1, 2),
    }[layout]
    reshape = Layout(layout, (3, 5), 2 if layout == "NLC" else 0).reshape or (lambda output: output)
    assert torch.equal(reshape(written), grid)
