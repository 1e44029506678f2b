"""What the compat forms and the libraries whose forms they are both do: a task each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytorch_grad_cam
import torchcam.methods
from contenders import TARGET, quietly
from networks import Network, images
from timing import Run
from torch import Tensor, nn

from camkit_methods.compat import pytorch_grad_cam as our_grad_cam
from camkit_methods.compat.torchcam import methods as our_torch_cam

LIBRARIES: dict[str, tuple[Any, Any]] = {  # each library, and our form of it
    "pytorch-grad-cam": (pytorch_grad_cam, our_grad_cam),
    "torch-cam": (torchcam.methods, our_torch_cam),
}
LAST_BLOCK = "encoder.layers.encoder_layer_11"  # of torchvision's ViT
FEW = 32  # channels, of a quick Score-CAM


@dataclass(frozen=True)
class Task:
    """A call that both can do.

    Attributes:
        library: whose form it has.
        method: a class of that library.
        made: what the class is made with, beside model, layer and reshape.
        asked: what its object is called with, beside images and targets.
        images: how many.
        layers: how many: the target layer, and such as come before it.
        by_channel: whether it runs the model for each channel.
        only: names of networks; none for all.
    """

    library: str
    method: str
    made: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    images: int = 1
    layers: int = 1
    by_channel: bool = False
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The method, and what is not usual."""
        changed = [option for option in self.asked if option.endswith("smooth")]
        changed += [f"{self.images} images"] * (self.images > 1)
        changed += [f"{self.layers} layers"] * (self.layers > 1)
        return ", ".join([self.method, *changed])

    def run(self, library: Any, model: nn.Module, network: Network, few: bool) -> Run:
        """The call by one of the two libraries."""
        made = dict(self.made)
        if network.reshape:
            made["reshape_transform"] = network.reshape
        if few and self.by_channel and self.method != "AblationCAM":
            made["reshape_transform"] = _first_channels(network.reshape)
        of = _grad_cam if self.library == "pytorch-grad-cam" else _torch_cam
        return quietly(of(self, library, model, self._layers(model, network), made))

    def _layers(self, model: nn.Module, network: Network) -> list[nn.Module]:
        """The target layer, and before it others of its kind."""
        last = network.layer(model)
        if self.method == "LeGrad":
            return [model.get_submodule(LAST_BLOCK)]
        same = [module for module in model.modules() if type(module) is type(last)]
        return same[: same.index(last) + 1][-self.layers :]


def _first_channels(reshape: Callable[[Tensor], Tensor] | None) -> Callable[[Tensor], Tensor]:
    return lambda output: (reshape(output) if reshape else output)[:, :FEW]


def _grad_cam(
    task: Task, library: Any, model: nn.Module, layers: list[nn.Module], made: dict[str, Any]
) -> Run:
    if task.method == "AblationCAM" and "reshape_transform" in made:
        made["ablation_layer"] = library.AblationLayerVit()
    cam = getattr(library, task.method)(model, layers, **made)
    x, target = images(task.images), library.utils.model_targets.ClassifierOutputTarget(TARGET)
    asked = {"targets": [target] * task.images, **task.asked}
    return lambda: cam(x, **asked)


def _torch_cam(
    task: Task, library: Any, model: nn.Module, layers: list[nn.Module], made: dict[str, Any]
) -> Run:
    if task.method == "LeGrad":
        del made["reshape_transform"]
    extractor = getattr(library, task.method)(model, layers, **made)
    x = images(task.images)
    return lambda: extractor([TARGET] * len(x), model(x))


def _of(library: str, *methods: str, **task: Any) -> list[Task]:
    return [Task(library, method, **task) for method in methods]


SMALL = ("resnet18", "mnasnet1_0", "deit_tiny")  # of these also with what is not usual
TASKS = [
    *_of("pytorch-grad-cam", "GradCAM", "GradCAMPlusPlus", "XGradCAM", "HiResCAM"),
    *_of("pytorch-grad-cam", "GradCAMElementWise", "LayerCAM", "EigenCAM", "EigenGradCAM"),
    *_of("pytorch-grad-cam", "SegEigenCAM", "KPCA_CAM", "FEM", "RandomCAM", "ShapleyCAM"),
    *_of("pytorch-grad-cam", "FullGrad", "RefineCAM"),
    *_of("pytorch-grad-cam", "FinerCAM", asked={"targets": None, "target_idx": TARGET}),
    *_of("pytorch-grad-cam", "GradCAM", "EigenCAM", asked={"aug_smooth": True}, only=SMALL),
    *_of("pytorch-grad-cam", "GradCAM", asked={"eigen_smooth": True}, only=SMALL),
    *_of("pytorch-grad-cam", "GradCAM", "EigenCAM", images=8, only=SMALL),
    *_of("pytorch-grad-cam", "GradCAM", "EigenCAM", layers=3, only=SMALL),
    *_of("pytorch-grad-cam", "SESS", made={"num_scales": 2}, only=SMALL),
    *_of("pytorch-grad-cam", "ScoreCAM", "AblationCAM", by_channel=True),
    *_of("torch-cam", "CAM", "GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM", "SmoothGradCAMpp"),
    *_of("torch-cam", "FinerCAM"),
    *_of("torch-cam", "GradCAM", "FinerCAM", images=8, only=SMALL),
    *_of("torch-cam", "GradCAM", "RefineCAM", layers=3, only=SMALL),
    *_of("torch-cam", "LeGrad", only=("vit_b_16",)),
    *_of("torch-cam", "ScoreCAM", by_channel=True),
    *_of("torch-cam", "SSCAM", "ISCAM", made={"num_samples": 2}, by_channel=True, only=SMALL),
]
