"""Compiled code as a CUDA graph: a GPU is given all its kernels by one call, not one by one.

A graph reads and writes where it did as it was made. So images are copied to its own, and results
are copied out, so that the next call does not write over them.

Torch (2.14) has one piece of scratch memory for all matrix products of a stream, and gives it away
when one of several graphs is gone; the others would still write there. Convolutions have memory of
their own. So graphs are made of passes without matrix products alone.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import in_brief
from .folding import Run

_WARM = 3  # runs before; in the first ones kernels are chosen and loaded
_CALLS = {
    *("conv1d", "conv2d", "conv3d", "batch_norm", "group_norm", "layer_norm", "instance_norm"),
    *("relu", "relu6", "leaky_relu", "prelu", "elu", "gelu", "mish", "silu", "hardswish"),
    *("sigmoid", "hardsigmoid", "tanh", "hardtanh", "softmax", "dropout", "clamp", "pow", "sqrt"),
    *("add", "sub", "rsub", "mul", "div", "neg", "mean", "sum", "amax", "cat", "split", "chunk"),
    *("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "pad"),
    *("upsample_nearest2d", "upsample_bilinear2d", "pixel_shuffle", "channel_shuffle"),
    *("view", "reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "expand"),
    *("slice", "select", "clone", "contiguous", "alias"),
}


def graphed(run: Run, trunk: Any, example: Tensor) -> tuple[Run, str]:
    """The code as a CUDA graph; or as it is, and why.

    Replays are compared with the code itself, for the example and for other images.

    Args:
        run: code for images like the example; no gradients are asked for.
        trunk: the graph of torch.export that it was made of.
        example: images.
    """
    if reason := _unfit(trunk, example):
        return run, reason
    try:
        graph = CudaGraph(run, example)
        if _agree(graph, run, [-example, example]):
            return graph, ""
    except Exception as error:  # noqa: BLE001 - whatever a driver says
        return run, f"CUDA makes none of this code ({in_brief(error)})"
    return run, "it gave other values than the code that it was made of"


class CudaGraph:
    """Runs code as a CUDA graph; by one thread at a time, as a call holds its model.

    Args:
        run: works on the current stream alone, and never waits for it.
        example: images on a CUDA device.
    """

    def __init__(self, run: Run, example: Tensor) -> None:
        self._run = run  # keeps the weights, of which the graph knows the addresses alone
        self._settings = _settings()
        device = example.device
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        # The outer blocks put device and stream back where the capture fails.
        with torch.cuda.device(device), torch.cuda.stream(stream):
            # Memory of this stream is nobody else's, even when it is given back early.
            self._images = example.clone()
            for _ in range(_WARM):
                run(self._images)
            self._graph = torch.cuda.CUDAGraph()
            # Other threads may do meanwhile what would spoil a capture in this one.
            mode: Any = {"stream": stream, "capture_error_mode": "thread_local"}
            with torch.cuda.graph(self._graph, **mode):
                self._results = list(run(self._images))
        torch.cuda.current_stream(device).wait_stream(stream)
        self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def __call__(self, images: Tensor) -> Sequence[Tensor]:
        """What the code gives for images like the example."""
        if self._settings != _settings():
            return self._run(images)
        stream = torch.cuda.current_stream(images.device)
        stream.wait_event(self._copied)  # of the call before, whose stream may be another
        try:
            self._images.copy_(images)
            self._graph.replay()
            return [each.clone() for each in self._results]
        finally:
            self._copied.record(stream)


def _settings() -> tuple[Any, ...]:
    """What convolutions ask when they are called; a graph has the answers of when it was made."""
    cudnn: Any = torch.backends.cudnn
    own = getattr(cudnn, "conv", None)  # since torch 2.9
    precision = cudnn.allow_tf32 if own is None else own.fp32_precision
    return cudnn.enabled, cudnn.benchmark, cudnn.deterministic, precision


def _unfit(trunk: Any, example: Tensor) -> str:
    """Why there can be no graph; nothing if there can be one."""
    if not on_cuda(example):
        return f"the images are on {example.device}, not on a CUDA device of NVIDIA"
    if not torch.backends.cudnn.enabled:
        return "cuDNN is turned off"
    config: Any = torch._inductor.config
    if config.conv_1x1_as_mm or config.max_autotune or config.max_autotune_gemm:
        return "torch's compiler is told to try matrix products for convolutions"
    others = sorted({name for name in map(_name, _before_tail(trunk)) if name not in _CALLS})
    if others:
        return f"only convolutions and what goes with them are put into one; this calls {others[0]}"
    if {each.device for each in (*trunk.parameters(), *trunk.buffers())} - {example.device}:
        return "the model is on several devices"
    return ""


def on_cuda(images: Tensor) -> bool:
    """Whether images are on an NVIDIA GPU."""
    return images.is_cuda and not torch.version.hip


def _before_tail(trunk: Any) -> list[Any]:
    """The calls up to the last one that gives a result; the model's tail follows, which is left."""
    *nodes, output = trunk.graph.nodes
    results = set(output.all_input_nodes)
    last = max(index for index, node in enumerate(nodes) if node in results)
    return [node for node in nodes[: last + 1] if node.op == "call_function"]


def _name(node: Any) -> str:
    if node.target is operator.getitem:
        return "split"
    name = str(getattr(node.target, "overloadpacket", node.target))
    return name.removeprefix("aten.").removesuffix("_")


def _agree(graph: Run, run: Run, versions: Sequence[Tensor]) -> bool:
    """Whether both give the same, also where the graph has run again before one looks."""
    found = [each for images in versions for each in graph(images)]
    expected = [each for images in versions for each in run(images)]
    return len(found) == len(expected) and all(map(_same, found, expected))


def _same(values: Tensor, expected: Tensor) -> bool:
    if (values.shape, values.dtype) != (expected.shape, expected.dtype):
        return False
    return torch.allclose(values, expected, rtol=0, atol=0, equal_nan=True)
