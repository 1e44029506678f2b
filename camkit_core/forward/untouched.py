"""The only changes that camkit makes to a model; each undoes itself, also after an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit._trace import TopLevelTracedModule
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from ..errors import RunError
from ..inputs.in_use import in_use
from ..inputs.look import Look
from ..inputs.modules import Modules
from ..inputs.output import Output
from ..inputs.prepare import Arguments, Inputs, prepare
from ..inputs.seen import seen, will_run
from ..inputs.writes import Weights
from .attributes import preserving_cached_weights
from .eager import compiles, eagerly
from .own_view import OwnBuffers
from .random_states import preserving_rng, to_the_end
from .snapshot import Snapshot
from .torch_limits import explain_limit

_CAPTURING = "transformers.utils.output_capturing"
_NOTHING = nullcontext()
Hook = Callable[[nn.Module, Any, Any], Any]


@contextmanager
def hooked(layer: nn.Module, hook: Hook) -> Iterator[None]:
    """Run `hook(module, arguments, output)` after each call of `layer` by this thread.

    Another thread may run the model meanwhile, for a prediction, which is none of the hook's.
    """
    handle = hook_on(layer, hook)
    try:
        yield
    finally:
        handle.remove()


def hook_on(layer: nn.Module, hook: Hook) -> RemovableHandle:
    """The same until the handle is removed, which the caller has to do."""
    thread = get_ident()

    def of_this_thread(module: nn.Module, args: Any, output: Any) -> Any:
        return hook(module, args, output) if get_ident() == thread else None

    # transformers captures hidden states by hooks, and reads these later in the same pass.
    return layer.register_forward_hook(of_this_thread, prepend=_captures(layer))


def _captures(layer: nn.Module) -> bool:
    hooks = layer._forward_hooks.values()
    return bool(hooks) and any(getattr(each, "__module__", "") == _CAPTURING for each in hooks)


def observable(module: nn.Module) -> bool:
    """Whether a module can be hooked: not if torch runs it as a script; a traced one as a whole."""
    whole = isinstance(module, TopLevelTracedModule)
    return whole or not isinstance(module, torch.jit.ScriptModule)


def version(tensor: Tensor) -> int:
    """How often a tensor has been written to."""
    return 0 if tensor.is_inference() else tensor._version  # inference tensors do not count


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Inside, `model` is in evaluation mode; afterwards it is bit for bit what it was.

    Covers each module's mode, the buffers, all that it keeps on itself, and the random states.
    Gradients are left alone because nothing in camkit calls `backward`; hooks are undone by
    `hooked`. Of several threads that explain one model, or models that share a module, each waits
    for the one before.
    """
    with _outside_inference(), in_use(model), _untouched(model, at_once=True):
        yield


@contextmanager
def _untouched(model: nn.Module, at_once: bool) -> Iterator[None]:
    """The same for a model that is in use by this thread alone.

    Args:
        model: the model.
        at_once: whether what is to be put back is noted here; else where code of the model first
            runs, as `inputs.seen.will_run` tells, unless the model is not in evaluation mode.
    """
    look = seen(model)
    assert look
    weights = Weights(look)
    with _without_graph(), ExitStack() as runs:
        before = look.rewind, look.first_run
        look.rewind, look.first_run = _nothing, partial(_begin, runs, look, weights)
        try:
            if at_once or look.training:
                will_run()
            yield
        except Exception as error:
            if weights.written():
                raise _overwritten(model) from error
            explain_limit(error)
            raise
        else:
            if look.first_run:
                weights.written()
        finally:
            look.rewind, look.first_run = before
    if weights.overwritten:
        raise _overwritten(model)


def _nothing() -> None:
    """Makes a model that has not run what it was."""


def _begin(runs: ExitStack, look: Look, weights: Weights) -> None:
    runs.enter_context(_noted(look, weights))


@contextmanager
def _noted(look: Look, weights: Weights) -> Iterator[None]:
    """Inside, the model is in evaluation mode, and may run; afterwards it is what it was."""
    ran = False
    with preserving_rng() as put_back_rng:
        before = Snapshot(look, weights)
        buffers = OwnBuffers(look.model, before.writers)

        def rewind() -> None:
            put_back_rng()
            buffers.rewind()
            before.rewind(apart=buffers.active)

        look.rewind = look.rewind and rewind
        try:
            before.evaluate()
            with _seldom_needed(look.modules):
                yield
            ran = True
        finally:
            to_the_end(lambda: before.restore(apart=buffers.end(ran)))


@contextmanager
def _without_graph() -> Iterator[None]:
    """As `torch.no_grad`, at whose end an interrupt would leave gradients off for good."""
    before = torch.is_grad_enabled()
    try:
        torch._C._set_grad_enabled(False)
        yield
    finally:
        torch._C._set_grad_enabled(before)


def _outside_inference() -> AbstractContextManager[Any]:
    """Inside, no inference tensors are made, as these could be no part of a graph."""
    return torch.inference_mode(False) if torch.is_inference_mode_enabled() else _NOTHING


def _seldom_needed(modules: Modules) -> AbstractContextManager[Any]:
    """Inside, compiled parts run eagerly, and afterwards torch's cache of weights is put back."""
    if not compiles() and not parametrize._cache_enabled:
        return _NOTHING
    contexts = ExitStack()
    contexts.enter_context(preserving_cached_weights())
    contexts.enter_context(eagerly(modules))
    return contexts


def _overwritten(model: nn.Module) -> RunError:
    return RunError(
        f"the weights of {type(model).__name__} were written to while it was explained; "
        f"explain it while no other thread trains it or loads weights into it"
    )


@contextmanager
def untouched_inputs(
    model: Any,
    images: Tensor | Arguments,
    image_input: int | str | None,
    output: Output | None,
    at_once: bool = True,
) -> Iterator[Inputs]:
    """The user's model and images, prepared; see `prepare`, `untouched` and `_untouched`.

    Another thread may be at work on the model, so it is waited for before the model is looked at.
    """
    with _outside_inference(), in_use(model):
        inputs = prepare(model, images, image_input, output)
        inside = _NOTHING if inputs.model is model else in_use(inputs.model)
        with inside, _untouched(inputs.model, at_once):
            yield inputs
