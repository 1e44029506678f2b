"""From model and images to explanations: the one place that puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge
from torch import Tensor, nn

from .adapter import Adapter, Reshape
from .arguments import checked
from .comparison import Comparison
from .errors import ArgumentError, TargetError, TargetTypeError, UnknownName, shown
from .forward.untouched import untouched_inputs
from .inputs.companions import settled, stated
from .inputs.output import Output
from .inputs.prepare import Arguments
from .inputs.running_dtype import in_running_dtype
from .inputs.targets.protocol import follows_places, for_model
from .inputs.targets.questions import of_call, score_functions
from .inputs.targets.resolve import Target, check_target
from .probe.further.configured_method import Method, configure
from .probe.probe import probes
from .results.assembly import assemble
from .results.explanation import Explanation
from .results.views import probed_views, recorded
from .target_layer.choose import choose, together
from .target_layer.find import Layer
from .target_layer.known import known
from .target_layer.pictures import pictured

if TYPE_CHECKING:
    from .inputs.models.load import LoadedModel
    from .loading.handed import Handed
    from .loading.pictures import Picture
    from .metrics.configured_metric import Metrics
    from .metrics.judging.judge import Judge


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
    if several := {"methods", "targets"} & set(settings):
        raise UnknownName(f"explain takes method= and target=; compare takes {min(several)}=")
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
    configured = configure(methods, options)
    handed = _handed(model, images, transform)
    given: tuple[Any, Any] = (handed.model, handed.images) if handed else (model, images)
    targets = handed.asked(targets) if handed else targets
    batch_size = _checked("batch_size", batch_size, Annotated[int, Ge(1)] | None)
    aug_smooth = _checked("aug_smooth", aug_smooth, bool)
    eigen_smooth = _checked("eigen_smooth", eigen_smooth, bool)
    guided = _checked("guided", guided, bool)
    fuse_layers = _checked("fuse_layers", fuse_layers, Literal["mean", "max"])
    fused = {} if fuse_layers == "mean" else {"fuse_layers": fuse_layers}
    reshape_transform = _checked("reshape_transform", reshape_transform, Callable | None)
    judge = _judge_with(metrics, aug_smooth or guided)
    _check_targets(targets, aug_smooth)
    taped = any(method.facts.needs == "tail" for method in configured)
    with untouched_inputs(*given, image_input, output) as inputs:
        inputs, found = known(pictured(inputs, adapter), adapter)
        inputs = settled(in_running_dtype(stated(inputs, shared_inputs)))
        targets = [for_model(target, inputs.model, found.adapter) for target in targets]
        targets = of_call(targets, inputs)
        layers = choose(inputs, found, layer, reshape_transform, targets)
        passes = together(layers)
        notes = (*inputs.notes, *layers[0].notes)
        start = perf_counter()
        recordings = recorded(inputs, passes[0], taped)
        seconds = perf_counter() - start
        class_free = not (judge or guided or any(method.facts.needs_class for method in configured))
        scored = score_functions(targets, inputs, recordings[0].output, class_free)
        probes_of = partial(
            probes, targets=scored, batch_size=batch_size, eigen_smooth=eigen_smooth
        )
        judgement = None
        if judge:
            fresh_probes = partial(probes_of, recordings[0])
            rows, judgement = judge(fresh_probes, seconds, configured, layers, notes)
        else:
            plain = list(map(probes_of, recordings))
            views = probed_views(inputs, passes, aug_smooth, taped, plain, probes_of)
            smoothing = {"aug_smooth": aug_smooth, "eigen_smooth": eigen_smooth} | fused
            rows = assemble(configured, plain[0], views, layers, notes, smoothing, guided)
    comparison = Comparison(rows, tuple(method.name for method in configured), judgement)
    return handed.described(comparison) if handed else comparison


def _handed(model: Any, images: Any, transform: Any) -> Handed | None:
    """What was handed in where it is more than a module and tensors; else None."""
    if isinstance(model, nn.Module) and isinstance(images, Tensor) and transform is None:
        return None
    from .loading.handed import handed_in

    return handed_in(model, images, transform)


def _judge_with(metrics: Metrics, smoothed_or_guided: bool) -> Judge | None:
    """The function that explains and judges, where there are metrics; else None."""
    if isinstance(metrics, Sequence) and not metrics:
        return None
    from .metrics.judging.judge import judge_with

    if smoothed_or_guided:
        raise ArgumentError(
            "metrics judge the maps of plain images; leave out aug_smooth and guided, or metrics"
        )
    return judge_with(metrics)


_checked = partial(checked, "camkit")


def _check_targets(targets: Any, aug_smooth: bool) -> None:
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        raise TargetTypeError(f"expected a list of targets, at least one; got {shown(targets)}")
    if not targets:
        raise TargetError(f"expected a list of targets, at least one; got {shown(targets)}")
    for target in targets:
        check_target(target)
    if aug_smooth and any(map(follows_places, targets)):
        raise TargetError(
            "the target is about a place in the image, which aug_smooth mirrors; leave one out"
        )
