"""Images in the memory format in which a model runs quickest; the values stay the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..errors import CamkitError
from ..inputs.model_memory import ModelMemory
from ..inputs.seen import modules_of, rewind
from ..pytree import tensors_in
from .chunks import out_of_memory
from .format_calls import FormatCalls, looking
from .snapshot import aside

T = TypeVar("T")
_known: ModelMemory[bool] = ModelMemory()  # what the model has, and in which format it is right
_DEPTHWISE = "depthwise"
_ROUNDING = 2e-4  # of the largest value: the most by which formats may differ


def run_quickest(
    model: nn.Module,
    images: Tensor,
    run: Callable[[Tensor], T],
    output: Callable[[Tensor], Any],
    entry: str | None = None,
) -> T:
    """`run` on a copy of `images`, channels last where they are (N, C, H, W) and that is quicker.

    On a CPU, convolutions of several images then take half to three quarters of the time; so do
    depthwise convolutions of a single image. Results differ by rounding alone: a model that reads
    memory in its order, or needs it contiguous, gets the usual format.

    Args:
        model: what `run` runs.
        images: left as they are, whatever `run` does.
        run: called again with the usual format, if the model fails in the other.
        output: the model's output for a part of the first image (1, C, h, w); called once in each
            format for a model and size of images.
        entry: the name of the model's method that both call; None for the model itself.
    """
    if _helps(model, images) and _known.of(model).get(key := (entry, images.shape[1:]), True):
        try:
            return _run_channels_last(model, images, run, output, key)
        except _OtherValues:
            pass
        except (RuntimeError, ValueError, AssertionError) as error:
            if isinstance(error, CamkitError) or out_of_memory(error):
                raise
            _known.of(model)[key] = False
        rewind(model)
    return run(images.clone())


class _OtherValues(Exception):
    """The model gives other values in another memory format, or that is not known."""


def _run_channels_last(
    model: nn.Module,
    images: Tensor,
    run: Callable[[Tensor], T],
    output: Callable[[Tensor], Any],
    key: Hashable,
) -> T:
    """`run` on a copy of the images in that format; the first run proves that it is right.

    Raises:
        _OtherValues: if it is not.
    """
    if key in _known.of(model):
        return run(_channels_last(images))
    given = _channels_last(images)
    calls = FormatCalls([given, *modules_of(model).tensors])
    with looking(calls):
        result = run(given)
    if calls.safe:
        _known.of(model)[key] = True
    elif not _right_channels_last(model, images, output, key):
        raise _OtherValues
    return result


def _channels_last(images: Tensor) -> Tensor:
    return images.clone(memory_format=torch.channels_last)


def _helps(model: nn.Module, images: Tensor) -> bool:
    if images.device.type != "cpu" or images.ndim != 4 or images.dtype != torch.float32:
        return False
    return images.shape[0] >= 4 or _has_depthwise(model)


def _has_depthwise(model: nn.Module) -> bool:
    known = _known.of(model)
    if _DEPTHWISE not in known:
        known[_DEPTHWISE] = any(
            isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels
            for module in model.modules()
        )
    return known[_DEPTHWISE]


def _right_channels_last(
    model: nn.Module, images: Tensor, output: Callable[[Tensor], Any], key: Hashable
) -> bool:
    """Whether the model gives the same in both formats; found out once for each size of images."""
    known = _known.of(model)
    if key not in known:
        finite = images.flatten(1).isfinite().all(1).nonzero()
        if not len(finite):
            return False  # values that are not finite prove nothing
        image, (height, width) = images[finite[0]], images.shape[2:]
        # A quarter of the image, so that the first call is not much slower than the next.
        verdict = _same_in_both_formats(model, image[..., : height // 2, : width // 2], output)
        if verdict is None:
            verdict = _same_in_both_formats(model, image, output)
        known[key] = bool(verdict)
    return known[key]


def _same_in_both_formats(
    model: nn.Module, image: Tensor, output: Callable[[Tensor], Any]
) -> bool | None:
    """Whether an image gives the same in both formats; None if the model cannot be run on it."""
    outputs: list[list[Tensor]] = []
    try:
        for version in (image.clone(), _channels_last(image)):
            with aside(model), torch.no_grad():
                outputs.append(list(tensors_in(output(version))))
    except Exception as error:  # whatever the model raises; it runs once more
        if out_of_memory(error):
            raise
        return False if outputs else None
    usual, quick = outputs
    return len(usual) == len(quick) and all(map(_close, quick, usual))


def _close(values: Tensor, usual: Tensor) -> bool:
    if values.shape != usual.shape or not usual.numel():
        return values.shape == usual.shape
    allowed = _ROUNDING * float(usual.abs().max()) if usual.is_floating_point() else 0.0
    return torch.allclose(values, usual, rtol=0.0, atol=allowed, equal_nan=True)
