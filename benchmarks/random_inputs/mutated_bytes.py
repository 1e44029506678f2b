"""Bytes changed at random: flipped, cut off, lengthened, zeroed, put together from two files."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

EXTREME = [b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x01\x00\x00"]


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of `seeds` after one to four changes; half of these are near its head."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        near = min(len(data), 96) if draw(st.booleans()) else len(data)
        place = draw(st.integers(0, max(near - 1, 0)))
        change = draw(
            st.sampled_from(["flip", "flip", "byte", "word", "cut", "zeros", "more", "mix"])
        )
        if change == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif change == "byte" and data:
            data[place] = draw(st.integers(0, 255))
        elif change == "word":
            data[place : place + 4] = draw(st.sampled_from(EXTREME))
        elif change == "cut":
            del data[place:]
        elif change == "zeros":
            data[place : place + 64] = bytes(64)
        elif change == "more":
            data += draw(st.binary(max_size=64))
        elif change == "mix":
            data[place:] = draw(st.sampled_from(seeds))[place:]
    return bytes(data)
