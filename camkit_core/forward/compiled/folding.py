"""A graph compiled for runs without gradients, its weights folded into the code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import torch
from torch import Tensor, nn

from ..eager import compiling
from .cannot import not_compiled
from .options import Options

Run = Callable[[Tensor], Sequence[Tensor]]


def folded(
    trunk: nn.Module, dtypes: Sequence[torch.dtype], example: Tensor, options: Options
) -> Run:
    """`trunk` compiled, for images like the example; to be called where no gradients are asked for.

    Args:
        trunk: gives a list of tensors.
        dtypes: of these; what `trunk` gives in less precision is converted back.
        example: images.
        options: the precision.

    Raises:
        CannotCompile: if the compiler fails.
    """
    # A loop over the kernels in Python takes a twentieth of a small network's time.
    if example.device.type == "cpu":
        with suppress(Exception):  # it knows fewer kernels
            return _code(trunk, dtypes, example, options, cpp_wrapper=True)
    try:
        return _code(trunk, dtypes, example, options)
    except Exception as error:
        raise not_compiled(error) from error


def _code(
    trunk: nn.Module,
    dtypes: Sequence[torch.dtype],
    example: Tensor,
    options: Options,
    **settings: Any,
) -> Run:
    code: list[Run] = []

    def backend(graph: Any, inputs: list[Tensor]) -> Any:
        made = torch._dynamo.lookup_backend("inductor")(graph, inputs)
        if len(inputs) != 1:
            raise RuntimeError("weights were not folded into the code")
        code.append(made)
        return made

    call = in_precision(trunk, dtypes, example, options)
    guarded = torch.compile(call, backend=backend, fullgraph=True, dynamic=False)
    # In force for the whole process: the compiler's front asks this setting, not the options of one
    # function, whether weights are constants. Torch's own CUDA graphs, which some turn on for all
    # code, write the results of one call over those of the call before.
    asked = {"freezing": True, "triton.cudagraphs": False, **settings}
    with torch._inductor.config.patch(asked), compiling(), _silent():
        guarded(example)
    # Before each call the compiler's front looks through all weights, as `State` has done already.
    return code[0]


def in_precision(
    trunk: nn.Module, dtypes: Sequence[torch.dtype], example: Tensor, options: Options
) -> Callable[[Tensor], Any]:
    """`trunk`, its products in the precision that is asked for; see `folded`."""
    device, dtype = example.device.type, options.dtype

    def call(images: Tensor) -> Any:
        with torch.autocast(device, dtype) if dtype else nullcontext():
            found = trunk(images)
        return [each.to(own) for each, own in zip(found, dtypes, strict=True)]

    call.__code__ = call.__code__.replace()  # the compiler keeps what it knows with the code
    return call


@contextmanager
def _silent() -> Iterator[None]:
    """Inside, the compiler says nothing of GPUs that it does not find."""
    logger = logging.getLogger("torch.utils.cpp_extension")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
