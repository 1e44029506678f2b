"""Models that warp or crop the image at places of their own choice: refused, or told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = drawn(1, 3, 32, 32)
TOLD = "it lies over what {} takes of the image, at places that the model chooses"


class Net(nn.Module):
    """Maps of the image, which a subclass moves first."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps, self.head = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU()), nn.Linear(8, 5)

    def move(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.maps(self.move(images)).mean((2, 3)))


class Zoomed(Net):
    """The inner quarter of the image, in its whole size: halves stay halves."""

    theta = torch.tensor([[0.5, 0, 0], [0, 0.5, 0]])

    def move(self, images: Tensor) -> Tensor:
        theta = self.theta.expand(len(images), 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)


class Rotated(Zoomed):
    theta = torch.tensor([[0.87, -0.5, 0], [0.5, 0.87, 0]])


class Transformed(Zoomed):
    """A spatial transformer: another network says where to look."""

    def __init__(self) -> None:
        super().__init__()
        self.where = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Flatten())
        self.fc = nn.Linear(8 * 64, 6)
        nn.init.normal_(self.fc.weight, std=0.01)
        self.fc.bias.data = torch.tensor([0.6, 0, 0, 0, 0.6, 0])

    def move(self, images: Tensor) -> Tensor:
        self.theta = self.fc(self.where(images)).view(-1, 2, 3)
        return super().move(images)


class Cropped(Net):
    """Sixteen pixels about the brightest one."""

    def move(self, images: Tensor) -> Tensor:
        found = int(images.sum(1).flatten(1)[0].argmax())
        y, x = (max(0, min(16, at - 8)) for at in divmod(found, 32))
        return images[..., y : y + 16, x : x + 16]


class CroppedAlone(Net):
    """The same of each image, enlarged; the place stays a tensor."""

    def move(self, images: Tensor) -> Tensor:
        crops = []
        for image in images:
            found = image.sum(0).flatten().argmax()
            y, x = (found // 32 - 8).clamp(0, 16), (found % 32 - 8).clamp(0, 16)
            crops.append(F.interpolate(image[:, y : y + 16, x : x + 16][None], size=(32, 32)))
        return torch.cat(crops)


class Centred(Net):
    """The brightest pixel is moved into the middle."""

    def move(self, images: Tensor) -> Tensor:
        y, x = divmod(int(images.sum(1).flatten(1)[0].argmax()), 32)
        return images.roll((16 - y, 16 - x), (2, 3))


CASES: dict[type[Net], str] = {
    Zoomed: "grid_sample",
    Rotated: "grid_sample",
    Transformed: "grid_sample",
    Cropped: "an index",
    CroppedAlone: "an index",
    Centred: "roll",
}


@pytest.mark.parametrize("build", CASES)
def test_what_lies_over_chosen_places_is_refused_and_by_its_name_told(build: type[Net]) -> None:
    told = TOLD.format(CASES[build])
    with pytest.raises(camkit.NoAdapter, match=rf"(?s)Pass layer='maps' for that map.*{told}"):
        camkit.explain(build().eval(), IMAGES, target=2)
    e = camkit.explain(build().eval(), IMAGES, target=2, layer="maps")
    assert any(told in note for note in e.notes)
    assert e.cam.abs().max() > 0


def test_what_says_where_to_look_is_not_explained() -> None:
    rows = camkit.layers(Transformed().eval(), IMAGES, 2)
    reasons = {row.name: row.reason for row in rows}
    assert reasons["where.1"] == "(d) it only says where the model looks"


class Late(Zoomed):
    """Moves its maps, and not its image."""

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.move(self.maps(images)).mean((2, 3)))


class Deformable(Net):
    """Samples about each place, and adds that to what was there."""

    def forward(self, images: Tensor) -> Tensor:
        x = self.maps(images)
        grid = F.affine_grid(torch.eye(2, 3)[None], list(x[:1].shape), align_corners=False)
        offsets = 0.2 * torch.tanh(x[:, :2].permute(0, 2, 3, 1))
        return self.head((x + F.grid_sample(x, grid + offsets, align_corners=False)).mean((2, 3)))


class Aligned(Net):
    """Adds what lies elsewhere, as where frames are aligned; one more layer reads the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.late = nn.Conv2d(8, 8, 1), nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        x = self.maps(images)
        grid = F.affine_grid(torch.tensor([[[1.0, 0, 0.8], [0, 1, 0]]]), list(x[:1].shape))
        return self.head(self.late(self.own(x) + F.grid_sample(x, grid)).mean((2, 3)))


class Folded(Aligned):
    """Adds the mirror image of a branch."""

    def forward(self, images: Tensor) -> Tensor:
        x = self.maps(images)
        return self.head(self.late(x + 0.2 * self.own(x).flip(-1)).mean((2, 3)))


@pytest.mark.parametrize(("build", "call"), [(Aligned, "grid_sample"), (Folded, "flip")])
def test_a_sum_with_values_from_other_places_is_told_with_the_layer_before_it(
    build: type[Net], call: str
) -> None:
    e = camkit.explain(build().eval(), IMAGES, target=2)
    (note,) = (note for note in e.notes if "from other places of the image" in note)
    assert note.startswith(f"'late' also holds what {call} takes")
    assert note.endswith("; layer='maps' lies before that")
    before = camkit.explain(build().eval(), IMAGES, target=2, layer="maps")
    assert not any("other places" in note for note in before.notes)


class Letters(Net):
    """A crop that is the same for all images, in code that looks at values."""

    def move(self, images: Tensor) -> Tensor:
        scaled = images / max(float(images.abs().max()), 1e-3)
        return scaled[..., 8:, 8:]


@pytest.mark.parametrize(
    ("build", "layer"), [(Late, "maps"), (Deformable, "maps"), (Letters, "maps")]
)
def test_what_is_tied_to_places_is_explained(build: Callable[[], nn.Module], layer: str) -> None:
    e = camkit.explain(build().eval(), IMAGES, target=2)
    assert e.layer == layer
    assert not any("may not lie" in note for note in e.notes)


class Mirrored(Net):
    def move(self, images: Tensor) -> Tensor:
        return images.flip(-1)


class Rows(Net):
    """Rows by their numbers, of which no call says that they are a part."""

    def move(self, images: Tensor) -> Tensor:
        return images[:, :, torch.arange(8, 32)]


@pytest.mark.parametrize(
    ("build", "why"), [(Mirrored, "no places of the image"), (Rows, "the image's proportions")]
)
def test_a_named_layer_whose_positions_are_no_places_is_told(build: type[Net], why: str) -> None:
    e = camkit.explain(build().eval(), IMAGES, target=2, layer="maps")
    assert any("may not lie where the evidence is" in note and why in note for note in e.notes)
    reshape = lambda maps: maps.flip(-1)  # noqa: E731
    own = camkit.explain(build().eval(), IMAGES, "gradcam", 2, "maps", reshape)
    assert not any("may not lie" in note for note in own.notes)


class Colours(Net):
    """Blue, green, red; and a turn that is none."""

    def move(self, images: Tensor) -> Tensor:
        return torch.rot90(images.flip(1), 0, (2, 3))


def test_colours_in_another_order_leave_places_where_they_are() -> None:
    few = IMAGES[..., :8, :8]  # too few places for a disturbance to tell
    e = camkit.explain(Colours().eval(), few, target=2)
    assert (e.layer, e.cam.shape) == ("maps", (1, 2, 2))
    assert all(row.places is None for row in camkit.layers(Colours().eval(), few, 2))  # certain
    assert not any("other places" in note for note in e.notes)


def test_a_named_layer_that_no_test_looked_at_is_tested() -> None:
    class Later(Mirrored):
        def forward(self, images: Tensor) -> Tensor:
            mirrored = self.maps(self.move(images))
            return self.head((mirrored + self.maps(images)).mean((2, 3)))

    model = Later().eval()
    assert not camkit.explain(model, IMAGES, target=2, layer="maps#1").notes
    e = camkit.explain(model, IMAGES, target=2, layer="maps#0")
    assert "no places of the image" in e.notes[0]
    as_maps = camkit.explain(model, IMAGES, "gradcam", 2, "maps#0", lambda maps: maps)
    assert torch.equal(e.cam, as_maps.cam)  # 8 channels at 8x8 places: channels come first


class Spectral(Net):
    """A Fourier transform is added to the maps, as FNet adds it to tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed = nn.Identity()

    def mix(self, maps: Tensor) -> Tensor:
        return torch.fft.fft2(maps).real

    def forward(self, images: Tensor) -> Tensor:
        x = self.maps(images)
        return self.head(torch.relu(self.mixed(x + self.mix(x))).mean((2, 3)))


class Filtered(Spectral):
    """There and back again: a convolution as large as the image."""

    def mix(self, maps: Tensor) -> Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(maps) * 0.5, s=maps.shape[2:])


@pytest.mark.parametrize(("build", "layer"), [(Spectral, "maps"), (Filtered, "mixed > relu")])
def test_frequencies_are_no_places_until_they_are_transformed_back(
    build: type[Net], layer: str
) -> None:
    assert camkit.explain(build().eval(), IMAGES, target=2).layer == layer
