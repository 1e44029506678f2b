"""Recordings by short passes: where a plan is known, where one can be made, and its proof.

The first pass of a layer with a shape of images is whole, and noted. If few of its rows reach the
output, a plan is made. It is proved by output and gradient of that pass: those of the plan's calls
must agree with those of all calls. From then on passes are short. The first recording is given the
output of the plan's calls as well, so that an image gets the same bits in the first pass and later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

import torch
from torch import Tensor, nn

from ...adapter import Adapter
from ...inputs.prepare import Inputs
from ...inputs.seen import rewind, seen
from ...pytree import tensors_in
from ..cut import Level
from ..random_states import noise_like
from ..tape import Tape
from ..torch_limits import batch_norms
from ..untouched import version
from .plan import Plan, plan_of
from .short_pass import ShortPass, output_again

Recording = Any  # of `forward.recording`, which imports this file
Run = Callable[[Tape | None, Tensor], Recording]
Versions = list[tuple[ref[Tensor], int]]
_MOST = 16  # plans of a layer
# By layer; None where no plan can be made.
_plans: WeakKeyDictionary[nn.Module, dict[Any, Plan | None]] = WeakKeyDictionary()

# Of plans that nothing proves, as behind a head of zeros: the weights, with their versions.
_unproved: WeakKeyDictionary[nn.Module, dict[Any, Versions]] = WeakKeyDictionary()
_replaced: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # how many plans of a layer
# Of which it is known that no batch norm is behind the layer.
without_batch_norms: WeakSet[Recording] = WeakSet()


class TokenTape(Tape):
    """A tape of what follows tokens, and of nothing else."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.adapter = adapter

    def start(self, activations: Tensor) -> None:
        """Begin noting, if the activations are tokens."""
        if _tokens(self.adapter, activations):
            super().start(activations)


def _tokens(adapter: Adapter, activations: Tensor) -> bool:
    """Whether activations are tokens: (N, T, C), or on a grid with channels last."""
    grid = activations.ndim > 3 and adapter.reshape is not None
    return activations.ndim == 3 or grid


def recorded(run: Run, inputs: Inputs, level: Level, images: Tensor, taped: bool) -> Recording:
    """A recording of `images` at a layer, behind which needless rows are not computed.

    Args:
        run: records a pass with this tape, on images that it may change.
        inputs: the model, its images, and the other arguments of its call.
        level: the layer.
        images: a copy of the images.
        taped: whether the calls after the layer must be noted; such a pass is whole.
    """
    adapter = level[0]
    plans = _plans.setdefault(adapter.layer, {})
    key = ref(inputs.model), images.shape, images.dtype, adapter.call, adapter.key, adapter.after
    if _may_be_proved(adapter.layer, key):
        plans.pop(key, None)
    plan = plans.get(key)
    if (plan is None and key in plans) or images.is_meta or hooked_by_others(inputs.model):
        return run(Tape() if taped else None, images)
    failed = False
    if plan and not taped:
        strides = images.stride()  # which a model may change, as all of its images
        short = _short(run, plan, images)
        if short:
            return short
        rewind(inputs.model)
        failed, images = True, _copied(inputs.images, strides)
        if _replaced.get(adapter.layer, 0) == _MOST:  # a model whose calls depend on the image
            plans[key] = None
            return run(None, images)
    recording = run(Tape() if taped else TokenTape(adapter), images)
    output = None
    if plan is None or not plan.fits(recording.tape):
        plan, output = _remembered(plans, key, recording)
        if failed:
            _replaced[adapter.layer] = _replaced.get(adapter.layer, 0) + 1
    elif failed:
        if not any(bool(each.isnan().any()) for each in tensors_in(recording.output)):
            plans[key] = None  # what is left out is read; nan of the image's own tells nothing
        plan = None
    if plan:
        if output is None:
            output = output_again(plan, recording.tape, recording.raw)
        return replace(recording, output=output)
    noted = taped or _tokens(adapter, recording.raw)
    return recording if noted else replace(recording, noted=None)


def _copied(images: Tensor, strides: tuple[int, ...]) -> Tensor:
    """A copy in the memory format of these strides."""
    copy = torch.empty_strided(images.shape, strides, dtype=images.dtype, device=images.device)
    return copy.copy_(images)


def hooked_by_others(model: nn.Module) -> bool:
    """Whether hooks of the user's look at what modules give; they are to see it whole."""
    look = seen(model)
    if look:
        return any(look.hooks.now)
    return any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())


def _short(run: Run, plan: Plan, images: Tensor) -> Recording | None:
    """A recording by a short pass; None where the model does not keep to the plan."""
    tape = ShortPass(plan)
    try:
        recording = run(tape, images)
    except Exception:  # noqa: BLE001 - an error of the model's own is met again in a whole pass
        return None
    if not tape.kept:
        return None
    short = replace(recording, noted=None)
    if plan.plain:
        without_batch_norms.add(short)
    return short


def _remembered(
    plans: dict[Any, Plan | None], key: Any, recording: Recording
) -> tuple[Plan | None, Any]:
    """The plan for a layer, if few rows are needed and the plan is proved; and its output."""
    plan = proof = output = None
    tokens = _tokens(recording.adapter, recording.raw)
    for apart in (True, False) if tokens else ():
        plan = plan_of(recording.tape, apart)
        proof, output = _proof(plan, recording) if plan else (None, None)
        if plan and proof is not False:
            break  # else numbers of few bits may show in which order they are multiplied
    if plan and proof:
        plan = replace(plan, plain=not batch_norms(recording.output))
    unproved = _unproved.setdefault(recording.adapter.layer, {})
    while len(plans) >= _MOST:
        plans.pop(oldest := next(iter(plans)))
        unproved.pop(oldest, None)
    if plan is None or proof is not None:
        plans[key] = plan if proof else None
    elif all(bool(each.isfinite().all()) for each in tensors_in(recording.output)):
        plans[key] = None
        read = recording.tape.constants
        weights: Versions = [(ref(each), v) for each, v in read if isinstance(each, nn.Parameter)]
        unproved[key] = weights
    return (plan, output) if proof else (None, None)


def _may_be_proved(layer: nn.Module, key: Any) -> bool:
    """Whether a weight has changed since nothing could prove a plan; asked once for a change."""
    unproved = _unproved.get(layer, {})
    for known, before in unproved.get(key, ()):
        weight = known()
        if weight is None or version(weight) != before:
            del unproved[key]
            return True
    return False


def _proof(plan: Plan, recording: Recording) -> tuple[bool | None, Any]:
    """Whether output and gradient agree with those of all calls, None if they prove nothing.

    And the output of the plan's calls.
    """
    try:
        again = output_again(plan, recording.tape, recording.raw)
        with torch.enable_grad():
            short, whole = (_values(output) for output in (again, recording.output))
            direction = noise_like(whole.detach()) - 0.5
            gradients = [
                torch.autograd.grad(values @ direction, recording.raw, retain_graph=True)[0]
                for values in (short, whole)
            ]
    except Exception:  # noqa: BLE001 - whatever a call may raise on fewer rows
        return False, None
    pairs = (short.detach(), whole.detach()), (gradients[0], gradients[1])
    if not all(bool(each.isfinite().all()) for each in pairs[1]) or not bool(pairs[1][1].any()):
        return None, None
    return all(map(_agree, *zip(*pairs, strict=True))), again


def _values(output: Any) -> Tensor:
    floating = [t.flatten() for t in tensors_in(output) if t.is_floating_point()]
    return torch.cat(floating)


def _agree(short: Tensor, whole: Tensor) -> bool:
    eps = torch.finfo(whole.dtype).eps
    allowed = (200 if eps < 1e-6 else 8) * eps * float(whole.abs().max())
    return short.shape == whole.shape and float((short - whole).abs().max()) <= allowed
