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


def check_pure(program: Any) -> None:
    """Raise CannotCompile for an exported model that draws random numbers or changes a tensor."""
    signature = program.graph_signature
    if signature.buffers_to_mutate:
        raise changes_something("writes to its buffers")
    if signature.user_inputs_to_mutate:
        raise changes_something("writes to its images")
    if any(_draws(node) for node in program.graph.nodes if node.op == "call_function"):
        raise changes_something("draws random numbers")


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
