"""The dtype of the images of a model that has several."""

from __future__ import annotations

from dataclasses import replace

import torch

from .model_memory import ModelMemory
from .placement import first_weight, too_small
from .prepare import Inputs

_runs: ModelMemory[bool] = ModelMemory()  # by the images' dtype and that of the first layer


def in_running_dtype(inputs: Inputs) -> Inputs:
    """The inputs with images in a dtype in which the model runs.

    Of a model of several dtypes, the images' own may be that of some norm alone; then they get that
    of its first convolution or linear layer. To be called where the model is left `untouched`.
    """
    first = first_weight(inputs.model)
    dtype = inputs.images.dtype
    if first is None or first.dtype == dtype or too_small(first.dtype):
        return inputs
    known, key = _runs.of(inputs.model), (inputs.forward_args.entry, dtype, first.dtype)
    if key not in known:
        known[key] = _runs_with(inputs, dtype) or not _runs_with(inputs, first.dtype)
    return inputs if known[key] else replace(inputs, images=inputs.images.to(first.dtype))


def _runs_with(inputs: Inputs, dtype: torch.dtype) -> bool:
    try:
        with torch.no_grad():
            inputs.forward_args.call(inputs.model, inputs.images.to(dtype, copy=True))
    except RuntimeError:
        return False
    return True
