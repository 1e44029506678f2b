"""Where the activations are exchanged, nothing else of the model is written to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Table(nn.Module):
    """A table of positions behind a module that hands on its own argument."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.same, self.head = nn.Conv2d(3, 4, 3), nn.Identity(), nn.Linear(4, 3)
        self.register_buffer("table", torch.randn(1, 4, 6, 6))

    def forward(self, images: Tensor) -> Tensor:
        return self.head((self.stem(images) * self.same(self.table)).relu().mean((2, 3)))


@pytest.mark.parametrize("method", ["gradcam", "ablationcam"])
def test_a_buffer_that_a_layer_hands_on_keeps_its_values_and_has_no_graph(method: str) -> None:
    model = Table().eval()
    before, buffer = model.table.clone(), model.table
    adapter = camkit.Adapter(model.same)
    with pytest.raises(camkit.LayerError, match="rows"):
        camkit.explain(model, torch.randn(2, 3, 8, 8), method, 1, adapter=adapter)
    camkit.explain(model, torch.randn(1, 3, 8, 8), method, 1, adapter=adapter)
    assert model.table is buffer
    assert torch.equal(model.table, before)
    assert not model.table.requires_grad


def test_an_activation_in_place_that_the_model_reads_by_its_input_counts_as_well() -> None:
    """The sum reads the ReLU's output twice, once by the name of what was written over."""

    class Twice(nn.Module):
        def __init__(self, inplace: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.stem, self.act = nn.Conv2d(3, 4, 3), nn.ReLU(inplace)
            self.head = nn.Linear(4, 3)

        def forward(self, images: Tensor) -> Tensor:
            x = self.stem(images)
            y = self.act(x)
            return self.head((y + (x if self.act.inplace else y)).mean((2, 3)))

    images = torch.randn(1, 3, 8, 8)
    maps = [
        camkit.explain(Twice(flag).eval(), images, target=1, layer="act").cam for flag in (0, 1)
    ]
    torch.testing.assert_close(maps[1], maps[0])
