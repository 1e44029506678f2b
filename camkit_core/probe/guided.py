"""Guided backpropagation on the graph of a forward pass; the model itself is not touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import LayerError
from ..forward.counting import count
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets


def guided_gradients(
    recording: Recording, targets: Targets, nodes: Sequence[str]
) -> tuple[Tensor, int]:
    """The gradient at the images with negative values stopped at each ReLU (arXiv 1412.6806).

    Autograd's nodes are guided, so `nn.ReLU`, `F.relu` and `tensor.relu`, in place or not, are
    treated alike.

    Args:
        recording: of the model and its images.
        targets: one score function for each image.
        nodes: names of the autograd nodes to guide.

    Returns:
        The gradient (N, C, H, W), and how many nodes were guided.
    """
    images, score = score_at_images(recording, targets)
    relus = [node for node in _graph(score.grad_fn) if node.name() in nodes]
    # The graph belongs to this pass alone, so the hooks go when it goes.
    for node in relus:
        node.register_hook(_positive)
    (gradient,) = torch.autograd.grad(score, images, allow_unused=True, materialize_grads=True)
    return gradient, len(relus)


def score_at_images(recording: Recording, targets: Targets) -> tuple[Tensor, Tensor]:
    """The images as the leaf of a new graph, and the sum of their scores at its end.

    The caller is about to run the backward pass, which is counted here.

    Raises:
        LayerError: if the score does not depend on the images.
    """
    with torch.enable_grad():
        images = recording.images.detach().clone().requires_grad_()
        score = targets.scores(recording.run(images.clone())).sum()
    if score.grad_fn is None:
        kind = type(recording.model).__name__
        raise LayerError(
            f"the score has no gradient at the images: {kind} turns gradients off in its forward "
            f"pass, or detaches its output"
        )
    count("backward", len(images))
    return images, score


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
