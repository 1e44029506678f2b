"""The place in a forward pass where the target layer's activations are taken, or exchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..adapter import Adapter
from ..errors import LayerError, counted
from ..pytree import first_tensor, leaf, leaves, like, plain, replace, tensors_in
from .format_calls import exchanged
from .grad_blocks import IgnoredBlocks, LostGraphError
from .operations import IDENTITIES
from .tape import Tape

Change = Callable[[Tensor], Tensor]
Level = tuple[Adapter, str]  # a layer at which a pass is cut, and its name in messages


class Cut:
    """A forward hook that puts another tensor in the place of the activations.

    The activations are a tensor that the adapter's layer returns, or what the element-wise calls
    make of it that the adapter names in `after`.

    Args:
        adapter: the layer, which of its calls and tensors, and the calls after it.
        layer: its name in messages.
        change: from the activations to the tensor that is handed on in their place.
        begin: called with the tensor that was handed on, once it has been.

    Attributes:
        calls: how often the layer ran.
        made: whether the activations were met.
    """

    def __init__(
        self, adapter: Adapter, layer: str, change: Change, begin: Callable[[Tensor], None]
    ) -> None:
        self.adapter, self.layer, self.change, self.begin = adapter, layer, change, begin
        self.calls = 0
        self.made = False
        self._following: _Following | None = None

    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:
        self.calls += 1
        if self.calls != 1 + (self.adapter.call or 0):
            return output
        tensor = self._tensor(output)
        if self.adapter.after:
            self._following = _Following(self, tensor)
            self._following.__enter__()  # type: ignore[no-untyped-call]
            return output
        # An identity hands on its argument too, which may be a tensor of the model's own.
        works_in_place = bool(getattr(module, "inplace", False))
        in_place = works_in_place and any(tensor is each for each in tensors_in(args))
        return replace(output, tensor, self.exchange(tensor, in_place))

    def exchange(self, activations: Tensor, in_place: bool) -> Tensor:
        """The tensor that is handed on; the activations themselves hold it if they are `in_place`.

        What was computed in place has other names in the model's code, which may read it by them.
        """
        new = like(activations, self.change(plain(activations)))
        exchanged(activations, new)
        # Torch lets no graph into a view that was made without one.
        if in_place and not (new.requires_grad and activations._is_view()):
            new = activations.copy_(new)
        self.made = True
        self.begin(new)
        return new

    def stop(self) -> None:
        """Look at no more calls."""
        if self._following:
            self._following.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._following = None

    def check(self, model: nn.Module) -> None:
        """Raise LayerError if the pass had no such activations, or several."""
        several = self.calls > 1 and self.adapter.call is None
        if self.made and not several:
            return
        kind = type(model).__name__
        if not self.calls:
            raise LayerError(
                f"layer {self.layer!r} ran not at all in one forward pass of {kind}; "
                f"choose a layer that runs once, or call it as layer(x) in the model's code, as "
                f"layer.forward(x) runs no hooks"
            )
        if several:
            name = self.layer.split("[")[0].split(" > ")[0]
            raise LayerError(
                f"layer {self.layer!r} ran {self.calls} times in one forward pass of {kind}; "
                f"choose a layer that runs once, or name one of its calls: "
                f"layer={f'{name}#0'!r} to layer={f'{name}#{self.calls - 1}'!r}"
            )
        if self.calls <= (self.adapter.call or 0):
            raise LayerError(
                f"layer {self.layer!r} names call {self.adapter.call} of a layer that ran "
                f"{counted(self.calls, 'time')} in one forward pass of {kind}; the first call is #0"
            )
        raise LayerError(
            f"layer {self.layer!r} names calls that do not follow it: "
            f"{', '.join(self.adapter.after)}; leave out what comes after the first '>'"
        )

    def _tensor(self, output: Any) -> Tensor:
        key = self.adapter.key
        tensor = leaf(output, key) if key else first_tensor(output)
        if tensor is not None:
            return tensor
        if key:
            paths = ["".join(f"[{part!r}]" for part in path) for path, _ in leaves(output)]
            inside = ".".join(map(str, (self.layer.split("[")[0], *key)))
            raise LayerError(
                f"layer {self.layer!r} returned {type(output).__name__} without that tensor; it "
                f"has {', '.join(filter(None, paths)) or 'none by key'}; a module inside it is "
                f"named with dots, as {inside!r}"
            )
        raise LayerError(
            f"layer {self.layer!r} returned {type(output).__name__} without a floating-point "
            f"tensor; choose a layer that returns activations"
        )


class _Following(TorchFunctionMode):
    """Follows a tensor through the element-wise calls after the layer, and cuts after the last."""

    def __init__(self, cut: Cut, tensor: Tensor) -> None:
        super().__init__()
        self.cut = cut
        self.names = list(cut.adapter.after)
        self.tensors = [tensor]  # the same value by several names

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.names or not isinstance(result, Tensor) or not self._reads(args):
            return result
        name = getattr(func, "__name__", "")
        if name in IDENTITIES:
            self.tensors.append(result)
        elif name == self.names[0]:
            self.names.pop(0)
            self.tensors = [result]
            if not self.names:
                self.tensors = []
                return self.cut.exchange(result, any(result is each for each in args))
        return result

    def _reads(self, args: Any) -> bool:
        return any(each is tensor for each in tensors_in(list(args)) for tensor in self.tensors)


class Beginning:
    """Graph and tape begin at the activations.

    Attributes:
        raw: the activations, the graph's leaf; None before they are met.
    """

    def __init__(self, adapter: Adapter, tape: Tape | None, blocks: IgnoredBlocks | None) -> None:
        self.adapter, self.tape, self.blocks = adapter, tape, blocks
        self.raw: Tensor | None = None

    @property
    def leaf(self) -> Tensor:
        """The activations, once they are met."""
        assert self.raw is not None
        return self.raw

    def change(self, activations: Tensor) -> Tensor:
        """From the activations to what is handed on, with a graph."""
        if self.blocks:
            self.blocks.pass_layer()
        elif activations.is_nested or torch.is_inference_mode_enabled():
            raise LostGraphError
        if self.adapter.activation:
            activations = self.adapter.activation(activations)
        # Two copies: the layers that follow may change theirs in place, and so may whatever else
        # holds the layer's own output. The tape of another level ends here, and notes no copy.
        with torch._C.DisableTorchFunction():
            self.raw = activations.detach().clone().requires_grad_()
        torch.set_grad_enabled(True)
        with torch._C.DisableTorchFunction():
            return self.raw.clone()

    def begin(self, passed_on: Tensor) -> None:
        """Begin the tape."""
        if self.tape:
            self.tape.start(passed_on)


def begun(level: Level, tape: Tape | None, blocks: IgnoredBlocks | None) -> tuple[Cut, Beginning]:
    """A cut at a layer where graph and tape begin."""
    beginning = Beginning(level[0], tape, blocks)
    return Cut(*level, beginning.change, beginning.begin), beginning
