"""Tokens that the model cuts, joins and reorders: each map lies where its token was made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = drawn(2, 3, 32, 32)
ORDER = torch.randperm(64, generator=torch.Generator().manual_seed(3))

Move = Callable[[Tensor], Tensor]


class Net(nn.Module):
    """8x8 tokens, moved, each on its own from there on."""

    def __init__(self, move: Move = torch.clone, patch: int | tuple[int, int] = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.move = nn.Conv2d(3, 16, patch, patch), move
        self.norm, self.mlp, self.head = nn.LayerNorm(16), nn.Linear(16, 16), nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.move(self.embed(images).flatten(2).mT)
        return self.head(self.norm(tokens + torch.relu(self.mlp(tokens))).mean(1))


def middle(tokens: Tensor) -> Tensor:
    """A class token in the middle, as Vision Mamba has it."""
    own = torch.zeros(len(tokens), 1, 16)
    return torch.cat([tokens[:, :32], own, tokens[:, 32:]], 1)


def apart(tokens: Tensor) -> Tensor:
    """Registers before the tokens, among them, and after them."""
    own = torch.ones(len(tokens), 2, 16)
    first, second, third = tokens.split([10, 24, 30], 1)
    return torch.cat([own, first, own, second, third, own], 1)


MOVES: dict[str, tuple[Move, str]] = {
    "a token in the middle": (middle, "NLC 8x8 + 1, in another order"),
    "registers": (apart, "NLC 8x8 + 6, in another order"),
    "shuffled": (lambda x: x[:, ORDER], "NLC 8x8, in another order"),
    "column by column": (
        lambda x: x.index_select(1, torch.arange(64).view(8, 8).T.flatten()),
        "NLC 8x8, in another order",
    ),
    "the other way round": (lambda x: x.flip(1), "NLC 8x8, in another order"),
    "there and back": (lambda x: x.roll(5, 1).roll(-5, 1), "NLC 8x8"),
    "behind others": (lambda x: torch.cat([x.mean(1, keepdim=True), x], 1)[:, 1:], "NLC 8x8"),
}


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("method", ["gradcam", "hirescam"])
def test_the_map_is_that_of_tokens_that_stay(name: str, method: str) -> None:
    move, layout = MOVES[name]
    moved, plain = Net(move).eval(), Net().eval()
    e = camkit.explain(moved, IMAGES, method, 2)
    expected = camkit.explain(plain, IMAGES, method, 2, "norm").cam
    assert (e.layer, f"automatic: {layout}, its" in e.adapter) == ("norm", True)
    share = 64 / moved.move(torch.zeros(1, 64, 16)).shape[1]  # a mean of more tokens
    torch.testing.assert_close(e.cam, expected * share, rtol=1e-4, atol=1e-7)
    assert torch.equal(camkit.explain(moved, IMAGES, method, 2, e.layer).cam, e.cam)


def test_methods_that_edit_tokens_find_them() -> None:
    model = Net(middle).eval()

    def by_hand(tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, :32], tokens[:, 33:]], 1).mT.unflatten(2, (8, 8))

    for method in ("ablationcam", "scorecam", "reciprocam"):
        expected = camkit.explain(model, IMAGES, method, 2, "norm", by_hand).cam
        torch.testing.assert_close(camkit.explain(model, IMAGES, method, 2).cam, expected)


SCATTERED: dict[str, Move] = {
    "both ways": lambda x: torch.cat([x, x.flip(1)], 1),
    "a half": lambda x: x[:, :32],
    "every other one": lambda x: x[:, ::2],
}


@pytest.mark.parametrize("name", SCATTERED)
def test_places_that_stand_twice_or_are_missing_are_no_grid(name: str) -> None:
    model = Net(SCATTERED[name]).eval()
    assert camkit.explain(model, IMAGES, target=2).layer == "embed"


def test_tokens_of_high_patches_are_known_by_the_calls_that_made_them() -> None:
    """128 tokens of a square image, which their number alone does not tell."""
    e = camkit.explain(Net(patch=(8, 4)).eval(), drawn(1, 3, 64, 64), target=2)
    assert (e.layer, e.cam.shape) == ("norm", (1, 8, 16))


class Positioned(Net):
    """Joins tokens and what is learned of each place, as Perceivers do."""

    def __init__(self, swapped: bool) -> None:
        super().__init__()
        self.places, self.swapped = nn.Parameter(torch.randn(1, 64, 8)), swapped
        self.join = nn.Identity()
        self.mix = nn.Linear(40 if swapped else 24, 16)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).mT[:, ORDER]
        others = [tokens.flip(1)] if self.swapped else []
        joined = self.join(torch.cat([tokens, *others, self.places.expand(len(images), -1, -1)], 2))
        return self.head(torch.tanh(self.mix(joined)).mean(1))


def test_constants_beside_tokens_in_channels_of_their_own_move_nothing() -> None:
    rows = camkit.layers(Positioned(swapped=False).eval(), IMAGES).rows
    assert {row.name: str(row.layout) for row in rows}["join"] == "NLC 8x8, in another order"


def test_tokens_beside_others_of_another_order_are_no_grid() -> None:
    rows = camkit.layers(Positioned(swapped=True).eval(), IMAGES).rows
    assert {row.name: row.reason for row in rows}["join"].startswith("(c)")


class Clustered(Net):
    """Each place belongs to clusters; what is read is how far it is from their centres."""

    def __init__(self) -> None:
        super().__init__()
        self.belongs, self.centres = nn.Conv2d(16, 4, 1), nn.Parameter(torch.randn(4, 16))
        self.head = nn.Linear(64, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.embed(images))
        weights = self.belongs(x).flatten(2).softmax(1)
        far = x.flatten(2)[:, None] - self.centres[None, :, :, None]
        return self.head((weights[:, :, None] * far).sum(3).flatten(1))


class Learned(Net):
    """Few tokens, each a weighted mean of the places."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(16, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.embed(images))
        return self.head((self.weigh(x).flatten(2).softmax(2) @ x.flatten(2).mT).mean(1))


@pytest.mark.parametrize("build", [Clustered, Learned])
def test_what_weighs_the_places_is_stepped_over(build: type[Net]) -> None:
    assert camkit.explain(build().eval(), IMAGES, target=2).layer == "embed > relu"
