"""Batches are of one size each, and as full as the sizes allow."""

from __future__ import annotations

import torch

from camkit_core.datasets.sources.batches import Batch, One, by_size, gathered, said


def read(*sizes, start=0):
    """What came of images of these sizes; 0 is one that could not be read."""
    return gathered(
        [
            One(str(start + number), torch.rand(3, size, size) if size else None, error="broken")
            for number, size in enumerate(sizes)
        ]
    )


def shapes(batches):
    return [(len(each), each.images.shape[-1]) for each in batches if isinstance(each, Batch)]


def test_images_of_one_size_pass_as_they_come():
    batches = list(by_size([read(8, 8, 8), read(8, 8, start=3)], 3))
    assert shapes(batches) == [(3, 8), (2, 8)]
    assert batches[1].ids == ("3", "4")


def test_images_of_several_sizes_wait_for_more_of_theirs():
    mixed = [read(8, 9, 8, start=4 * number) for number in range(4)]
    assert sorted(shapes(by_size(mixed, 4))) == [(4, 8), (4, 8), (4, 9)]


def test_no_more_wait_than_some_batches():
    rare = [read(*range(8 * number + 8, 8 * number + 16)) for number in range(6)]
    batches, waiting = by_size(rare, 8), 0
    assert len(shapes(batches)) == 48
    taken = []
    given = by_size((taken.append(each) or each for each in rare), 8)
    next(given)
    waiting = sum(len(each.batches) for each in taken)
    assert waiting <= 5 * 8


def test_what_cannot_be_read_is_told_at_once():
    first, *others = by_size([read(8, 0, 8)], 4)
    assert (first.ids, first.errors) == (("1",), ("broken",))
    assert shapes(others) == [(2, 8)]


def test_an_error_is_one_line_without_addresses():
    error = OSError(f"no file of {object()!r}\nnor {'x' * 900}")
    text = said(error)
    assert text.startswith("OSError: no file of <object object> nor ")
    assert len(text) <= 500
