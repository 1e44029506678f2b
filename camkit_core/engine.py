"""From model and images to explanations: the one place that puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from .adapter import Adapter, Reshape
from .comparison import Comparison
from .errors import quietly
from .forward.compiled.options import options_of
from .inputs.output import Output
from .inputs.prepare import Arguments
from .inputs.targets.resolve import Target
from .probe.further.configured_method import Method
from .results.call import explained
from .results.explainer import PreparedExplainer, compiled
from .results.explanation import Explanation
from .results.settings import Settings, check_targets, refuse_several, settings_of
from .target_layer.find import Layer

if TYPE_CHECKING:
    from .inputs.models.load import LoadedModel
    from .loading.handed import Handed
    from .loading.pictures import Picture
    from .metrics.configured_metric import Metrics


def explain(
    model: nn.Module | LoadedModel,
    images: Tensor | Arguments | Picture,
    method: str | Method = "gradcam",
    target: Target = None,
    layer: Layer | Sequence[Layer] | None = None,
    reshape_transform: Reshape | None = None,
    **settings: Any,
) -> Explanation:
    """Explain what in each image speaks for its target.

    The model is left bit for bit as it was: modes, buffers, gradients, hooks, random states.
    Several threads may explain one model at once: each waits for the one before.

    Args:
        model: any eager PyTorch model, in any mode, frozen or not, on any device; or one of
            `load_model`, which brings its preprocessing and the names of its classes.
        images: (N, C, H, W) or (C, H, W), prepared as the model was trained. For a model that
            begins with a Conv1d, signals (N, C, L) or (C, L); with a Conv3d, volumes or videos
            (N, C, D, H, W) or (C, D, H, W). Maps have their rank.
            For a model that takes more than images, all its arguments: by name in a dict, or by
            position in a tuple.
            Or pictures: a path, a PIL image, uint8 RGB (H, W, 3), or a list of these. They are
            prepared by the model of `load_model`, by `transform`, or as the model itself says
            (timm, transformers, ultralytics), and the explanation is drawn on them.
        method: name of an installed method (`camkit list-methods`), or a function of a `Probe`.
        target: None for each image's top class, or for no class where the model has none and the
            method asks for none, as "eigencam"; a class for all images; a sequence of N classes;
            a callable, or a sequence of N, from one sample's output to a scalar tensor. For a
            model with one logit, 1 explains the logit, and 0 its negative. Beside pictures or a
            model of `load_model` also in words: a class name; "dog:1", a detector's second best
            dog; what CLIP is to look for. None is then a detector's best box.
        layer: None lets the adapter choose, or a search that proves what it takes; or a module of
            the model, its dotted name, a name as `Explanation.layer` gives (`encoder#1`,
            `backbone['3']`, `norm5 > relu`), or a list of these: then `cam` is the mean of the
            layers' maps, each divided by its largest absolute value and resized to the finest grid
            (`fuse_layers="max"`: the greatest of them).
            Where the adapter names the levels of a pyramid, as for detectors, one forward pass is
            cut at all of them, and each level's map counts by its share of the score: the sum of
            the absolute values of gradient times activation, divided by that of all levels.
        reshape_transform: from the layer's output to (N, C, h, w), in place of the adapter's.
        **settings: those of `compare` (`image_input`, `shared_inputs`, `output`, `adapter`,
            `batch_size`, `aug_smooth`, `eigen_smooth`, `guided`, `fuse_layers`, `transform`), and
            the method's own options.

    Returns:
        The explanation, on the model's device.

    Raises:
        CamkitError: of the kind that fits (InputError, LayerError, NoAdapter, TargetError,
            UnknownName, PluginError); whatever the model itself raises is passed on.

    Example:
        >>> e = explain(model, images, "ablationcam", target=254)  # doctest: +SKIP
        >>> e.render("side_by_side").save("pug.png")               # doctest: +SKIP
        >>> resnet = load_model("resnet50")                        # doctest: +SKIP
        >>> explain(resnet, "photo.jpg", target="tiger cat")       # doctest: +SKIP
    """
    refuse_several("explain", settings)
    return compare(model, images, [method], [target], layer, reshape_transform, **settings)[0, 0]


def compare(
    model: nn.Module | LoadedModel,
    images: Tensor | Arguments | Picture,
    methods: Sequence[str | Method] = ("gradcam",),
    targets: Sequence[Target] = (None,),
    layer: Layer | Sequence[Layer] | None = None,
    reshape_transform: Reshape | None = None,
    *,
    image_input: int | str | None = None,
    shared_inputs: Sequence[int | str] | None = None,
    output: Output | None = None,
    adapter: Adapter | Sequence[Adapter] | None = None,
    batch_size: int | None = None,
    aug_smooth: bool = False,
    eigen_smooth: bool = False,
    guided: bool = False,
    fuse_layers: Literal["mean", "max"] = "mean",
    metrics: Metrics = (),
    transform: Callable[[Any], Any] | None = None,
    **options: Any,
) -> Comparison:
    """Explain several targets by several methods, from one forward pass of the images.

    The gradients of all targets are one batched computation, and the methods share them.

    Args:
        model: see `explain`, as for all arguments not listed here.
        images: see `explain`.
        methods: names or functions; each gets those of `options` that it takes.
        targets: each as `target` of `explain`: None, a class, N classes, a callable, ...;
            `top(3)` for the three best classes of each image.
        layer: see `explain`.
        reshape_transform: see `explain`.
        image_input: which of several inputs are the images, by name or position; None if only one
            input can be.
        shared_inputs: which of the other inputs are the same for each image although they have as
            many rows as there are images, such as prompts; by name or position, [] if none are.
            None finds it by test runs of the model, once, and notes it.
        output: which part of what the model returns targets read: a key, a position, or a function
            of all that it returns; None for all of it, or what the adapter reads.
        adapter: an `Adapter` in place of the installed one that knows the model, or a list of
            them for the levels of a pyramid.
        batch_size: rows in one run when a method needs many; None chooses for the device.
        aug_smooth: average over six mirrored and rescaled versions of the images.
        eigen_smooth: take the first principal component of the weighted channels, not their sum.
        guided: also compute Guided Grad-CAM, into `guided` of each explanation.
        fuse_layers: how the maps of several layers become one: by their "mean", or by the greatest
            value at each position, "max".
        metrics: names of installed metrics (`camkit list-metrics`) or functions of a `Case`; or a
            dict from these to their options. The comparison then has a `judgement` of the methods
            and of baselines, has a `verdict`, and can be saved as a report.
        transform: what makes the model's input (3, H, W) of a PIL image, such as
            `weights.transforms()`, where pictures are given with a model of your own.
        **options: the methods' own keyword arguments.

    Returns:
        `comparison[target_index, method_index_or_name]` is an `Explanation`.

    Raises:
        CamkitError: as for `explain`, and for an option that no method takes.
    """
    settings = _settings(
        methods,
        layer,
        reshape_transform,
        image_input=image_input,
        shared_inputs=shared_inputs,
        output=output,
        adapter=adapter,
        batch_size=batch_size,
        aug_smooth=aug_smooth,
        eigen_smooth=eigen_smooth,
        guided=guided,
        fuse_layers=fuse_layers,
        metrics=metrics,
        **options,
    )
    return _answered(model, images, targets, settings, transform)


def prepare(
    model: nn.Module | LoadedModel,
    example: Tensor | Arguments | Picture,
    method: str | Method = "gradcam",
    target: Target = None,
    layer: Layer | Sequence[Layer] | None = None,
    reshape_transform: Reshape | None = None,
    *,
    transform: Callable[[Any], Any] | None = None,
    compile: bool | Literal["cuda_graph"] = False,  # noqa: A002 - the word that torch has for it
    dtype: torch.dtype | str | None = None,
    memory_format: torch.memory_format | str | None = None,
    **settings: Any,
) -> PreparedExplainer:
    """Make a model ready to be explained many times.

    The example is explained once, so that the layer and the memory format are found and proved
    here, and errors in the settings. For a model that has changed, the next call finds them anew.

    Args:
        model: see `explain`. It is left as it was after each call, and may be trained between them.
        example: images as the explainer will be given them.
        method: see `explain`, as for all further arguments.
        target: what is asked where a call of the explainer asks nothing.
        layer: see `explain`.
        reshape_transform: see `explain`.
        transform: see `compare`.
        compile: whether images of the example's shape run as compiled code up to the layer, for
            "cuda_graph" as a CUDA graph. A note says how far maps are off, or why it ran eagerly.
        dtype: bfloat16 or float16 for what compiled code multiplies; None for the model's own.
        memory_format: in which compiled code takes the images.
        **settings: see `explain`.

    Raises:
        CamkitError: as `explain`.
    """
    refuse_several("prepare", settings)
    options = options_of(compile, dtype, memory_format)
    asked = _settings([method], layer, reshape_transform, **settings)

    def answer(images: Any, target: Any) -> Explanation:
        return _answered(model, images, [target], asked, transform).rows[0][0]

    again = partial(
        prepare, model, method=method, layer=layer, reshape_transform=reshape_transform,
        transform=transform, compile=compile, dtype=dtype, memory_format=memory_format, **settings,
    )  # fmt: skip
    explainer = PreparedExplainer(model, asked.methods[0].name, target, answer, again)
    with quietly():  # a blank map of the example is none of the images'
        explainer.layer = explainer(example).layer
    return compiled(explainer, example, options) if options else explainer


def _answered(
    model: Any, images: Any, targets: Sequence[Target], settings: Settings, transform: Any
) -> Comparison:
    if (handed := _handed(model, images, transform)) is None:
        return _compared(model, images, targets, settings)
    targets = handed.asked(targets)
    return handed.described(_compared(handed.model, handed.images, targets, settings))


def _compared(model: Any, images: Any, targets: Sequence[Target], settings: Settings) -> Comparison:
    check_targets(targets, settings.aug_smooth)
    rows, judgement = explained(model, images, targets, settings)
    return Comparison(rows, tuple(method.name for method in settings.methods), judgement)


def _settings(
    methods: Any, layer: Any, reshape_transform: Any, *, metrics: Metrics = (), **settings: Any
) -> Settings:
    """The settings of `compare`, checked."""
    if metrics or not isinstance(metrics, Sequence):
        from .metrics.judging.judge import judge_with

        settings["judge"] = judge_with(metrics, settings)
    return settings_of(methods, layer, reshape_transform, **settings)


def _handed(model: Any, images: Any, transform: Any) -> Handed | None:
    """What was handed in where it is more than a module and tensors; else None."""
    if isinstance(model, nn.Module) and isinstance(images, Tensor) and transform is None:
        return None
    from .loading.handed import handed_in

    return handed_in(model, images, transform)
