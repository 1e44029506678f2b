"""Guided backpropagation on the graph of a forward pass; the model itself is not touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import LayerError
from ..forward.counting import count
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from ..pytree import plain
from .rows import own_rows
from .scripted import refuse_scripted_nodes

# Autograd's nodes that are a ReLU, and when they are: ReLU6 is a hardtanh from 0 to 6.
_RELUS: dict[str, Callable[[Any], bool]] = {
    "ReluBackward0": lambda node: True,
    "HardtanhBackward0": lambda node: node._saved_min_val == 0,
    "ThresholdBackward0": lambda node: node._saved_threshold == 0,
    "ClampBackward1": lambda node: node._saved_min == 0,
    "ClampMinBackward0": lambda node: node._saved_min == 0,
}
_OTHERS = {
    "HardtanhBackward0": "Hardtanh",
    "LeakyReluBackward0": "LeakyReLU",
    "PreluKernelBackward0": "PReLU",
    "RreluWithNoiseBackward0": "RReLU",
    "EluBackward0": "ELU",
    "GeluBackward0": "GELU",
    "SiluBackward0": "SiLU",
    "MishBackward0": "Mish",
    "HardswishBackward0": "Hardswish",
    "SoftplusBackward0": "Softplus",
    "TanhBackward0": "Tanh",
}


@dataclass(frozen=True)
class GuidedGradients:
    """A guided gradient, and what was guided on its way.

    Attributes:
        images: the gradient at the images, (N, C, H, W).
        guided: how many nodes were guided.
        others: how many activations of each other kind were passed as they are.
    """

    images: Tensor
    guided: int
    others: dict[str, int]

    def account(self) -> str:
        """What was guided and what was not, as a note."""
        others = ", ".join(f"{count} {name}" for name, count in self.others.items())
        if not self.guided:
            has = f"; it has {others}, for which the method has no rule" if others else ""
            return f"guided no ReLU: the model has none, so this is the plain gradient{has}"
        rest = f"; not guided, as the method has no rule for them: {others}" if others else ""
        return f"guided {self.guided} ReLUs{rest}"


def guided_gradients(
    recording: Recording,
    targets: Targets,
    nodes: Sequence[str] | None = None,
    touching: bool = False,
) -> GuidedGradients:
    """The gradient at the images with negative values stopped at each ReLU (arXiv 1412.6806).

    Autograd's nodes are guided, so `nn.ReLU`, `nn.ReLU6`, `F.relu`, `tensor.relu` and a clamp at
    zero, in place or not, are treated alike.

    Args:
        recording: of the model and its images.
        targets: one score function for each image.
        nodes: names of the autograd nodes to guide; None for all that are a ReLU.
        touching: see `image_gradients`.

    Raises:
        InputError: if a scripted part of the model hides its nodes.
    """
    images, scores = scores_at_images(recording, targets)
    graph = list(_graph(scores.grad_fn))
    refuse_scripted_nodes(graph, recording.model)
    guided = [node for node in graph if _is_guided(node, nodes)]
    rest = Counter(_OTHERS.get(node.name()) for node in set(graph) - set(guided))
    # The graph belongs to this pass alone, so the hooks go when it goes.
    for node in guided:
        node.register_hook(_positive)
    (gradient,) = image_gradients(scores, [images], touching)
    return GuidedGradients(
        gradient, len(guided), {name: rest[name] for name in sorted(filter(None, rest))}
    )


def _is_guided(node: Any, nodes: Sequence[str] | None) -> bool:
    name = node.name()
    if nodes is not None:
        return name in nodes
    return name in _RELUS and _RELUS[name](node)


def image_gradients(scores: Tensor, tensors: Sequence[Tensor], touching: bool) -> list[Tensor]:
    """The gradient of each image's score at its rows of tensors (N, ...).

    Args:
        scores: (N,), with their graph, which is let go.
        tensors: in that graph.
        touching: whether a score depends on other images, too, so that the gradient of the sum of
            scores is not that of each.
    """
    if not touching:
        with torch.enable_grad():
            total = scores.sum()
        return list(_gradients(total, tensors))
    with torch.enable_grad():
        each = scores.unbind()
    return own_rows([_gradients(score, tensors) for score in each])


def _gradients(score: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    gradients = torch.autograd.grad(
        score, tensors, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return tuple(map(plain, gradients))


def scores_at_images(recording: Recording, targets: Targets) -> tuple[Tensor, Tensor]:
    """The images as the leaf of a new graph, and their scores (N,) at its end.

    The caller is about to run the backward pass, which is counted here.

    Raises:
        LayerError: if the score does not depend on the images.
    """
    with torch.enable_grad():
        images = recording.images.detach().clone().requires_grad_()
        scores = targets.scores(recording.run(images.clone()))
    if scores.grad_fn is None:
        kind = type(recording.model).__name__
        raise LayerError(
            f"the score has no gradient at the images: {kind} turns gradients off in its forward "
            f"pass, or detaches its output"
        )
    count("backward", len(images))
    return images, scores


def _positive(grad_inputs: Any, grad_outputs: Any) -> Any:
    return tuple(None if grad is None else grad.clamp(min=0) for grad in grad_inputs)


def _graph(root: Any) -> Iterator[Any]:
    """Every node of the graph that ends in `root`."""
    seen, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        yield node
        for child, _ in node.next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                waiting.append(child)
