"""One call: the model run on the images as settings say, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from ..forward.compiled.in_force import compiled_passes
from ..forward.untouched import untouched_inputs
from ..inputs.prepare import Arguments
from ..inputs.seen import recorded as images_recorded
from ..inputs.seen import will_run
from ..inputs.targets.questions import score_functions
from ..inputs.targets.resolve import Rank, Target
from ..probe.further.configured_method import ConfiguredMethod
from ..probe.probe import Probe, probes
from ..target_layer.choose import together
from ..target_layer.plan import Plan, planned
from .assembly import Rows, assemble
from .settings import Settings
from .views import probed_views, recorded

_OWN = "camkit_core.", "camkit_archs."


def explained(
    model: nn.Module, images: Tensor | Arguments, targets: Sequence[Target], settings: Settings
) -> tuple[Rows, Any]:
    """The explanations of several targets by several methods, and what metrics say of them."""
    at_once = compiled_passes() is None  # compiled ones run no code of the model's
    with untouched_inputs(model, images, settings.image_input, settings.output, at_once) as inputs:
        plan = planned(inputs, targets, settings.asked)
        inputs, layers = plan.inputs, plan.layers
        if _runs_code_of_others(settings, plan):
            will_run()
        passes = together(layers)
        notes = (*inputs.notes, *layers[0].notes)
        start = perf_counter()
        recordings = recorded(inputs, passes[0], settings.taped)
        images_recorded(inputs.model)
        seconds = perf_counter() - start
        scored = score_functions(plan.targets, inputs, recordings[0].output, settings.class_free)
        probes_of = partial(
            probes,
            targets=scored,
            batch_size=settings.batch_size,
            eigen_smooth=settings.eigen_smooth,
        )
        judgement = None
        if settings.judge:

            def fresh_probes() -> list[Probe]:
                return probes_of(recordings)[0]

            rows, judgement = settings.judge(fresh_probes, seconds, settings.methods, layers, notes)
        else:
            plain = probes_of(recordings)
            augmented, taped = settings.aug_smooth, settings.taped
            views = probed_views(inputs, passes, augmented, taped, plain, probes_of)
            smoothing: dict[str, Any] = {"aug_smooth": augmented}
            smoothing["eigen_smooth"] = settings.eigen_smooth
            if settings.fuse_layers != "mean":
                smoothing["fuse_layers"] = settings.fuse_layers
            rows = assemble(
                settings.methods, plain[0], views, layers, notes, smoothing, settings.guided
            )
    return rows, judgement


def _runs_code_of_others(settings: Settings, plan: Plan) -> bool:
    """Whether code runs that others wrote, beside the model's; it may do anything to the model."""
    own = (
        settings.judge is None
        and settings.output is None
        and all(map(_is_own_method, settings.methods))
        and all(target is None or isinstance(target, (int, Rank)) for target in plan.targets)
        and all(_is_own(layer.adapter.reshape) for layer in plan.layers)
    )
    return not own


def _is_own_method(method: ConfiguredMethod) -> bool:
    """Whether a method is camkit's, and asks no other one that the user names."""
    plain = all(isinstance(value, (int, float, str)) for value in method.options.values())
    return method.is_camkits_own and plain and not method.facts.based


def _is_own(reshape: Any) -> bool:
    return reshape is None or str(reshape.__module__).startswith(_OWN)
