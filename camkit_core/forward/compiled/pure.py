"""Whether a pass does nothing but compute its output: it draws no numbers, and writes nothing."""

from __future__ import annotations

from typing import Any

import torch

from .cannot import changes_something

# Random calls that draw nothing where this argument, by position or name, is off.
_SWITCHES = {
    "dropout": (2, "train"),
    "feature_dropout": (2, "train"),
    "alpha_dropout": (2, "train"),
    "feature_alpha_dropout": (2, "train"),
    "native_dropout": (2, "train"),
    "rrelu": (3, "training"),
    "scaled_dot_product_attention": (4, "dropout_p"),
}

_TORCHS = "aten", "prims", "higher_order", "torchvision"


def check_pure(program: Any) -> None:
    """Raise CannotCompile for an exported model that draws random numbers or changes a tensor."""
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    signature = program.graph_signature
    if signature.buffers_to_mutate or signature.user_inputs_to_mutate or any(map(_writes, calls)):
        raise changes_something("writes to its buffers or images")
    if any(map(_draws, calls)):
        raise changes_something("draws random numbers")


def calls_torch_alone(program: Any) -> bool:
    """Whether an exported model makes calls of torch's own alone, not of a user's operators."""
    kinds = (getattr(node.target, "namespace", "aten") for node in program.graph.nodes)
    return all(kind in _TORCHS for kind in kinds)


def _writes(node: Any) -> bool:
    """Whether a call writes into what the graph is given."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or not schema.is_mutable or not node.args:
        return False
    return bool(getattr(node.args[0], "op", "") == "placeholder")


def _draws(node: Any) -> bool:
    tags = getattr(node.target, "tags", ())
    if torch.Tag.nondeterministic_seeded not in tags:
        return False
    name = node.target.overloadpacket.__name__
    position, keyword = _SWITCHES.get(name.removesuffix("_"), (None, ""))
    if position is None:
        return True
    given = node.args[position] if len(node.args) > position else node.kwargs.get(keyword, 0)
    return bool(given)
