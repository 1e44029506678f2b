"""Calls of captum that camkit's own form does exactly alike."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

_ONLY = "LayerGradCam is in its compat form: "


def native_call(made: cst.Call, asked: cst.Call) -> tuple[str, str]:
    """`LayerGradCam(model, layer).attribute(x, target=3)` in camkit's own form.

    Args:
        made: the call of the class.
        asked: the call of its method.

    Returns:
        The new call, or "" and why there is none.
    """
    if not isinstance(asked.func, cst.Attribute) or asked.func.attr.value != "attribute":
        return "", ""
    first = _by_name(made.args, ["forward_func", "layer"])
    second = _by_name(asked.args, ["inputs", "target"])
    if first is None or second is None:
        return "", f"{_ONLY}arguments with *, or such that camkit's own form does not have"
    if not isinstance(second.get("target"), cst.Integer):
        return "", f"{_ONLY}the target is not written as a number"
    values = {name: _text(value) for name, value in {**first, **second}.items()}
    return (
        f"camkit_core.explain({values['forward_func']}, {values['inputs']}, "
        f"target={values['target']}, layer={values['layer']}).cam[:, None]"
    ), ""


def _by_name(args: Sequence[cst.Arg], names: list[str]) -> dict[str, cst.BaseExpression] | None:
    """The arguments by their names; None unless they are these, each given once."""
    found: dict[str, cst.BaseExpression] = {}
    for place, arg in enumerate(args):
        name = arg.keyword.value if arg.keyword else names[place] if place < len(names) else ""
        if arg.star or name not in names or name in found:
            return None
        found[name] = arg.value
    return found if len(found) == len(names) else None


def _text(node: cst.BaseExpression) -> str:
    return cst.Module([]).code_for_node(node)
