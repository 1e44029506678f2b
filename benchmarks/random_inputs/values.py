"""Values of every type that somebody may pass for an argument."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from torch import nn


class Unprintable:
    """An object whose texts cannot be had."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


class Odd:
    """An object that compares, counts and calls like nothing else."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("not comparable")

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        raise OverflowError("no length")

    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")


TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "gradcam", "gradcma", "body", "stem.0", "0", "-1", "\x1b[31mred\x1b[0m"]
    ),
    st.sampled_from(["a" * 10_000, "9" * 5_000, "[" * 3_000, "\udcff", "\0", "..", "a\nb", "None"]),
    st.text(max_size=8),
)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 3, -1, 7, 10**30, True, False, 1.5, -0.5, 1e300]),
    st.sampled_from([float("nan"), float("inf"), 1j, Fraction(1, 3)]),
    st.sampled_from([np.int64(1), np.float32(0.5), np.bool_(True), np.uint8(2)]),
)
_TYPES = "float32 float64 float16 bfloat16 int64 uint8 bool complex64 int8"
DTYPES = st.sampled_from([getattr(torch, name) for name in _TYPES.split()])


@st.composite
def tensors(draw: st.DrawFn, shapes: st.SearchStrategy[list[int]] | None = None) -> torch.Tensor:
    """A tensor of any rank, type and layout, with odd values now and then."""
    sizes = st.sampled_from([0, 1, 2, 3, 4, 8, 12, 17])
    shape = draw(st.lists(sizes, max_size=5) if shapes is None else shapes)
    tensor = torch.randn(shape).mul(3).to(draw(DTYPES))
    change = draw(st.sampled_from(["", "", "", "nan", "inf", "grad", "meta", "sparse", "strided"]))
    if change in ("nan", "inf") and tensor.is_floating_point() and tensor.numel():
        tensor.flatten()[0] = float(change)
    if change == "grad" and tensor.is_floating_point():
        tensor.requires_grad_()
    if change == "meta":
        tensor = tensor.to("meta")
    if change == "sparse" and tensor.ndim:
        tensor = tensor.to_sparse()
    if change == "strided" and tensor.ndim > 1:
        tensor = tensor.transpose(0, -1)
    return tensor


ARRAYS = st.sampled_from(
    [np.zeros((8, 8, 3), np.uint8), np.ones((2, 3, 8, 8)), np.array("text"), np.array([], object)]
)
_PLAIN = [None, b"bytes", object(), Path("nowhere"), ..., NotImplemented]
OBJECTS = st.sampled_from(
    [*_PLAIN, Unprintable(), Odd(), date(2020, 1, 1), Image.new("RGB", (9, 7)), nn.Identity()]
)


class Taking:
    """A class that takes anything, and so can be called as a function may be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


FUNCTIONS = st.sampled_from(
    (lambda *a, **k: None, lambda *a, **k: 0.0, lambda *a: a[0], lambda *a: a[9], Taking)
)
ATOMS = st.one_of(OBJECTS, NUMBERS, TEXTS, tensors(), ARRAYS, FUNCTIONS)
ANYTHING: st.SearchStrategy[Any] = st.one_of(
    ATOMS,
    st.lists(ATOMS, max_size=3),
    st.lists(ATOMS, max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["a", "images", "x", 0, 1]), ATOMS, max_size=3),
    st.builds(iter, st.lists(ATOMS, max_size=2)),
    st.sets(st.integers(-1, 3), max_size=3),
)
