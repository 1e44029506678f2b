"""What pytorch-grad-cam has beside its methods gives the same on camkit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_grad_cam as peer
import pytorch_grad_cam.feature_factorization.deep_feature_factorization as peers_dff
import pytorch_grad_cam.guided_backprop
import pytorch_grad_cam.metrics.arcc
import pytorch_grad_cam.sobel_cam
import torch
from torch import Tensor, nn

from camkit_methods.compat import pytorch_grad_cam as compat
from camkit_methods.compat.pytorch_grad_cam.feature_factorization import deep_feature_factorization
from camkit_methods.compat.pytorch_grad_cam.guided_backprop import GuidedBackpropReLUModel
from camkit_methods.compat.pytorch_grad_cam.metrics import arcc
from camkit_methods.compat.pytorch_grad_cam.sobel_cam import sobel_cam

PAIR = [peer, compat]


class Classifier(nn.Module):
    """A convolution, a ReLU in place, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(inplace=True))
        self.more = nn.Sequential(nn.Conv2d(6, 6, 3), nn.ReLU())
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 4)."""
        return self.head(self.more(self.conv(x)).mean((2, 3)))


class Detector(nn.Module):
    """A backbone that returns a dict, and the boxes that a head finds in it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        """A dict for each image: one box, whose score grows with the features."""
        levels = self.backbone(x)
        scores = sum(level[:, 1].clamp(min=0).mean((1, 2)) for level in levels.values())
        box = torch.tensor([[1.0, 1.0, 9.0, 9.0]])
        return [
            {"boxes": box, "labels": torch.tensor([2]), "scores": score.reshape(1).sigmoid()}
            for score in scores
        ]


class Backbone(nn.Module):
    """Two levels of features, by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The levels "0" and "pool"."""
        features = self.conv(x)
        return {"0": features, "pool": nn.functional.max_pool2d(features, 2)}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return Classifier().eval()


@pytest.fixture(scope="module")
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 3, 16, 20)


def targets(library: Any) -> list[Any]:
    return [library.utils.model_targets.ClassifierOutputTarget(k) for k in (1, 3)]


@pytest.mark.parametrize("name", ["EigenCAM", "KPCA_CAM", "FEM", "ScoreCAM", "AblationCAM"])
def test_a_layer_that_returns_a_dict_is_read_by_the_reshape_of_a_detector(name: str) -> None:
    torch.manual_seed(0)
    detector, x = Detector().eval(), torch.randn(1, 3, 16, 16)
    both = []
    for library in PAIR:
        kinds = library.utils.model_targets
        asked = [kinds.FasterRCNNBoxScoreTarget([2], [np.array([1.0, 1, 9, 8])])]
        reshape = library.utils.reshape_transforms.fasterrcnn_reshape_transform
        options = {"ablation_layer": Pyramid.of(library)} if name == "AblationCAM" else {}
        cam = getattr(library, name)(detector, [detector.backbone], reshape, **options)
        both.append(cam(x, asked))
        assert cam.outputs[0]["boxes"].shape == (1, 4)
    assert np.abs(both[0] - both[1]).max() < 1e-5
    assert both[0].max() > 0.9


class Pyramid:
    """An ablation layer for the two levels of `Detector`."""

    @staticmethod
    def of(library: Any) -> Any:
        """It, of one of the libraries."""

        class Levels(library.AblationLayerFasterRCNN):
            def __call__(self, x: Any) -> Any:
                for row in range(len(self.activations["pool"])):
                    level, channel = divmod(int(self.indices[row]), 4)
                    self.activations[["0", "pool"][level]][row, channel] = -1000
                return self.activations

        return Levels()


def test_gradients_of_a_dict_are_there_too() -> None:
    """pytorch-grad-cam has none of a layer that returns more than a tensor."""
    torch.manual_seed(0)
    detector, x = Detector().eval(), torch.randn(1, 3, 16, 16)
    reshape = compat.utils.reshape_transforms.fasterrcnn_reshape_transform
    target = compat.utils.model_targets.FasterRCNNBoxScoreTarget([2], [np.array([1.0, 1, 9, 8])])
    for _ in range(2):
        heatmap = compat.HiResCAM(detector, [detector.backbone], reshape)(x, [target])
        assert heatmap.shape == (1, 16, 16)
        assert heatmap.max() > 0.9


def test_a_mask_of_a_segmentation_is_an_array() -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval(), None
    x, mask = torch.randn(1, 3, 8, 8), np.float32(np.eye(8))
    both = []
    for library in PAIR:
        asked = [library.utils.model_targets.SemanticSegmentationTarget(1, mask)]
        both.append(library.GradCAM(model, [model[0]])(x, asked))
    assert np.abs(both[0] - both[1]).max() < 1e-5


@pytest.mark.parametrize("category", [None, 2])
def test_guided_backpropagation_is_the_peers(
    category: int | None, model: nn.Module, x: Tensor
) -> None:
    ours = GuidedBackpropReLUModel(model)(x[:1].clone(), category)
    theirs = peer.GuidedBackpropReLUModel(Copy(model))(x[:1].clone(), category)
    assert ours.shape == (16, 20, 3)
    assert np.allclose(ours, theirs, atol=1e-7)
    assert isinstance(model.conv[1], nn.ReLU)


def Copy(model: nn.Module) -> nn.Module:  # noqa: N802 - stands for a class
    """The same model, as pytorch-grad-cam puts other modules into the one it is given."""
    copied = Classifier().eval()
    copied.load_state_dict(model.state_dict())
    return copied


@pytest.mark.parametrize(
    "name",
    [
        "road.ROADMostRelevantFirst",
        "road.ROADLeastRelevantFirst",
        "road.ROADCombined",
        "road.ROADMostRelevantFirstAverage",
        "cam_mult_image.CamMultImageConfidenceChange",
        "cam_mult_image.DropInConfidence",
        "cam_mult_image.IncreaseInConfidence",
    ],
)
def test_metrics_are_the_peers(name: str, model: nn.Module, x: Tensor) -> None:
    module, kind = name.split(".")
    cams = np.random.default_rng(0).random((2, 16, 20), np.float32)
    values = []
    for library in PAIR:
        torch.manual_seed(0)
        metric = getattr(getattr(library.metrics, module), kind)
        given = {"percentiles": [30, 60]} if "Combined" in kind or "Average" in kind else {}
        values.append(metric(**given)(x, cams, targets(library), model))
    assert np.allclose(values[0], values[1], atol=1e-4)


def test_a_metric_shows_the_image_it_scores(model: nn.Module, x: Tensor) -> None:
    cams = np.random.default_rng(0).random((2, 16, 20), np.float32)
    for percentile in (80, "auto"):
        both = []
        for library in PAIR:
            torch.manual_seed(0)
            metric = library.metrics.road.ROADMostRelevantFirst(percentile)
            both.append(metric(x, cams, targets(library), model, return_visualization=True)[1])
        assert torch.allclose(both[0], both[1], atol=1e-3)


def test_nothing_left_of_an_image_is_filled_with_noise() -> None:
    torch.manual_seed(0)
    filled = compat.metrics.road.NoisyLinearImputer()(torch.ones(3, 8, 8), torch.zeros(8, 8))
    assert 0.005 < filled.std() < 0.02


def test_arcc_is_the_peers(model: nn.Module, x: Tensor) -> None:
    values = []
    for library, module in ((peer, pytorch_grad_cam.metrics.arcc), (compat, arcc)):
        torch.manual_seed(0)
        cam = library.LayerCAM(model, [model.more[1]])
        maps = cam(x, targets(library))
        values.append(module.ARCC(cam, [40, 80])(x, maps, targets(library), model))
    assert np.allclose(values[0], values[1], atol=1e-4)


def test_a_factorization_is_the_peers(model: nn.Module, x: Tensor) -> None:
    pytest.importorskip("sklearn")
    both = []
    for module in (peers_dff, deep_feature_factorization):
        found = module.DeepFeatureFactorization(model, model.more[1], None, model.head)(x, 2)
        both.append(found)
    for first, second in zip(*both, strict=True):
        assert np.allclose(np.asarray(first), np.asarray(second), atol=1e-5)


def test_edges_and_concepts_are_drawn() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    assert (sobel_cam(picture) == pytorch_grad_cam.sobel_cam.sobel_cam(picture)).all()
    concepts = np.stack([np.eye(20, 24), 1 - np.eye(20, 24)]) * 0.5
    image = compat.utils.image
    plain = image.show_factorization_on_image(picture / 255, concepts, image_weight=0.5)
    assert (plain.shape, plain.dtype) == ((20, 24, 3), np.uint8)
    colours = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    drawn = image.show_factorization_on_image(picture * 0.0, concepts, colours, 0.0)
    assert (drawn[0, 0] == [127, 0, 0]).all()
    assert (drawn[0, 1] == [0, 127, 0]).all()
    scores = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
    legend = image.create_labels_legend(scores, {0: "cat, a, b, c", 1: "dog", 2: "owl"}, 2)
    assert legend == ["dog:0.70\nowl:0.20", "cat, a, b:0.60\ndog:0.30"]
    beside = image.show_factorization_on_image(picture / 255, concepts, concept_labels=legend)
    assert beside.shape == (20, 48, 3)
