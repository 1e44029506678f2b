"""Places and shares as people say them."""

from __future__ import annotations

import math

import pytest

from camkit_core.datasets.report.words import percent, place_in_words


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0, 0, 0.1, 0.1), "the upper left corner"),
        ((0.9, 0.9, 1, 1), "the lower right corner"),
        ((0.45, 0, 0.55, 0.1), "the upper edge"),
        ((0.45, 0.45, 0.55, 0.55), "the centre"),
        ((0.25, 0.25, 0.35, 0.35), "the upper left"),
    ],
)
def test_places_are_told_in_words(box, words):
    assert place_in_words(box) == words


def test_shares_are_told_without_rounding_to_all_or_nothing():
    shares = [percent(each) for each in (0, 0.004, 0.5, 0.9999, 1, math.nan)]
    assert shares == ["0%", "0.4%", "50%", "over 99.9%", "100%", "-"]
