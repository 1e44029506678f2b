"""Images that touch each other: each map is of the image's own part in its score."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = torch.randn(4, 3, 8, 8, generator=torch.manual_seed(1)).double()
METHODS = ["gradcam", "ablationcam", "scorecam", "shapleycam", "guided_backprop"]


class Mixing(nn.Module):
    """`f` is the target layer; `mixed` lets its images touch each other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.f = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 3)

    def before(self, stem: Tensor) -> Tensor:
        return stem

    def mixed(self, features: Tensor) -> Tensor:
        return features

    def after(self, scores: Tensor) -> Tensor:
        return scores

    def forward(self, images: Tensor) -> Tensor:
        features = self.f(self.before(self.stem(images)).relu())
        return self.after(self.head(self.mixed(features).relu().mean((2, 3))))


class Statistics(Mixing):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def mixed(self, features: Tensor) -> Tensor:
        return self.norm(features)


class EarlyStatistics(Statistics):
    def before(self, stem: Tensor) -> Tensor:
        return self.norm(stem)

    def mixed(self, features: Tensor) -> Tensor:
        return features


class Deviation(Mixing):
    def after(self, scores: Tensor) -> Tensor:
        return scores * scores.std(0, unbiased=False).mean()


class Centred(Mixing):
    def mixed(self, features: Tensor) -> Tensor:
        return features - features.mean(0)


class Softmax(Mixing):
    def after(self, scores: Tensor) -> Tensor:
        return scores.softmax(0)


class Shifted(Mixing):
    """Each image takes a part of the one before it, as frames in a temporal shift."""

    def mixed(self, features: Tensor) -> Tensor:
        return features + features.roll(1, 0) * torch.tensor([0.0, 1, 1, 1]).view(4, 1, 1, 1)


KINDS = [Statistics, EarlyStatistics, Deviation, Centred, Softmax, Shifted]


def gradcam_by_hand(model: Any, target: list[int]) -> Tensor:
    kept: list[Tensor] = []
    hook = model.f.register_forward_hook(lambda m, a, output: kept.append(output))
    scores = model(IMAGES)
    hook.remove()
    maps = []
    for image, category in enumerate(target):
        (gradient,) = torch.autograd.grad(scores[image, category], kept[0], retain_graph=True)
        weights = gradient[image].mean((1, 2), keepdim=True)
        maps.append((weights * kept[0][image]).sum(0).detach())
    return torch.stack(maps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", [[0, 1, 2, 0], [1, 1, 1, 1]])
def test_the_gradient_is_that_of_the_images_own_score(kind: Any, target: list[int]) -> None:
    model = kind().double().eval()
    explained = camkit.explain(model, IMAGES, "gradcam", target, "f")
    assert torch.allclose(explained.cam, gradcam_by_hand(model, target))
    assert [note for note in explained.notes if "images of this batch mix" in note]


@pytest.mark.parametrize("kind", KINDS)
def test_all_targets_of_a_comparison_are_right(kind: Any) -> None:
    model = kind().double().eval()
    compared = camkit.compare(model, IMAGES, ["gradcam"], [0, 2, [0, 1, 2, 0]], "f")
    for row, target in enumerate(([0] * 4, [2] * 4, [0, 1, 2, 0])):
        assert torch.allclose(compared[row, 0].cam, gradcam_by_hand(model, target))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_any_method_takes_the_others_as_constants(kind: Any, method: str) -> None:
    """Image 1 in its batch, and as the only image of a network that holds the others."""
    model = kind().double().eval()
    batch = camkit.explain(model, IMAGES, method, 1, "f")
    raw = model.f(model.before(model.stem(IMAGES)).relu()).detach()

    class Tail(nn.Module):
        """The network of image 1, its own layer `f` in a batch of one."""

        def __init__(self) -> None:
            super().__init__()
            self.stem, self.f, self.norm = model.stem, model.f, getattr(model, "norm", None)

        def forward(self, rows: Tensor) -> Tensor:
            return torch.cat([self.one(row) for row in rows])

        def one(self, row: Tensor) -> Tensor:
            stem = model.stem(torch.cat([IMAGES[:1], row[None], IMAGES[2:]]))
            own = self.f(model.before(stem).relu()[1:2])
            features = torch.cat([raw[:1], own, raw[2:]])
            return model.after(model.head(model.mixed(features).relu().mean((2, 3))))[1:2]

    if kind is EarlyStatistics and method in ("scorecam", "guided_backprop"):
        return
    single = camkit.explain(Tail().eval(), IMAGES[1:2], method, 1, "f")
    assert torch.allclose(batch.cam[1], single.cam[0], atol=1e-6 * float(single.cam.abs().max()))


def test_images_that_do_not_touch_get_no_note_and_no_more_passes() -> None:
    model = Mixing().double().eval()
    rows: list[int] = []
    model.stem.register_forward_hook(lambda m, a, output: rows.append(len(output)))
    first = camkit.explain(model, IMAGES, "gradcam", 1, "f")
    assert not first.notes
    assert rows == [1, 3, 4, 1]  # the layer's layout, by two passes; the images; the proof
    rows.clear()
    camkit.explain(model, IMAGES, "gradcam", 2, "f")
    assert sum(rows) == 4


def test_a_proof_is_made_anew_when_a_norm_takes_batch_statistics() -> None:
    model = Statistics().double()
    model.norm = nn.BatchNorm2d(4).double()
    model.eval()
    assert not camkit.explain(model, IMAGES, "gradcam", 1, "f").notes[1:]
    model.norm.running_mean = model.norm.running_var = None
    assert torch.allclose(
        camkit.explain(model, IMAGES, "gradcam", 1, "f").cam, gradcam_by_hand(model, [1] * 4)
    )


@pytest.mark.parametrize("method", ["scorecam", "ablationcam", "iscam"])
@pytest.mark.parametrize("kind", [Statistics, EarlyStatistics, Deviation, Centred])
def test_versions_of_a_single_image_do_not_touch_each_other(kind: Any, method: str) -> None:
    model = kind().double().eval()
    model.head.bias.data += 5
    explained = camkit.explain(model, IMAGES[:1], method, 1, "f", batch_size=8)
    one_by_one = camkit.explain(model, IMAGES[:1], method, 1, "f", batch_size=1)
    assert torch.allclose(explained.cam, one_by_one.cam, atol=1e-9)


def test_a_norm_that_needs_two_rows_gets_them() -> None:
    class TwoRows(Mixing):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3, track_running_stats=False)

        def after(self, scores: Tensor) -> Tensor:
            return self.norm(scores)

    model = TwoRows().double().eval()
    for method in METHODS:
        explained = camkit.explain(model, IMAGES, method, 1, "f")
        assert [note for note in explained.notes if "images of this batch mix" in note]
    assert torch.allclose(
        camkit.explain(model, IMAGES, "gradcam", 1, "f").cam, gradcam_by_hand(model, [1] * 4)
    )


def test_a_bag_with_one_score_is_explained_as_advised() -> None:
    class Bag(Mixing):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).sigmoid().mean(0, keepdim=True)

    model = Bag().double().eval()
    with pytest.raises(camkit.TargetError, match="1 row for 4 images") as caught:
        camkit.explain(model, IMAGES, "gradcam", 1, "f")
    advice = str(caught.value).split("output=")[1]
    for method in ("gradcam", "scorecam", "ablationcam"):
        for target in (1, None, [1, 1, 1, 1], lambda scores: scores[1]):
            explained = camkit.explain(model, IMAGES, method, target, "f", output=eval(advice))
            assert explained.cam.shape == (4, 4, 4)
            assert str(explained)
    kept: list[Tensor] = []
    model.f.register_forward_hook(lambda m, a, output: kept.append(output))
    (gradient,) = torch.autograd.grad(model(IMAGES)[0, 1], kept[0])
    expected = (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1)
    explained = camkit.explain(model, IMAGES, "gradcam", 1, "f", output=eval(advice))
    assert torch.allclose(explained.cam, expected)


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (lambda y: {"y": y, "all": y.repeat(2, 1)}, lambda o: o["all"][5, 1], "8 rows for 4"),
        (lambda y: {"y": y, "all": y.T}, lambda o: o["all"][1].sum(), "3 rows for 4 images"),
        (lambda y: y[:, :1].repeat(1, 4).T, lambda row: row[0], "does not depend on that image"),
    ],
    ids=["more rows", "transposed", "as many of another axis"],
)
def test_a_callable_that_reads_no_row_of_its_image_is_refused(
    change: Any, target: Any, message: str
) -> None:
    class Changed(Mixing):
        def after(self, scores: Tensor) -> Any:
            return change(scores)

    for method in ("gradcam", "scorecam"):
        with pytest.raises(camkit.TargetError, match=message):
            camkit.explain(Changed().double().eval(), IMAGES, method, target, "f")
