"""The picture of all concepts: colours where each is the strongest, and a legend below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from camkit_core import ArgumentError, Concepts, Explanation
from camkit_core.renderers.concepts import _COLOURS, concepts
from camkit_core.testing.renderers import an_explanation

PICTURE = Image.new("RGB", (320, 320), "black")


def halves(scores: torch.Tensor | None = None) -> Explanation:
    """Two concepts, one in the left half and one, half as strong, in the right half."""
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, :, :2], maps[0, 1, :, 2:] = 1.0, 0.5
    shares, features = torch.tensor([[0.6, 0.4]]), torch.ones(1, 2, 3)
    found = Concepts(maps, features, shares, scores, torch.zeros(1, dtype=torch.long))
    return replace(an_explanation(maps[:, 0]), concepts=found)


def test_each_concept_has_its_colour_where_it_is_the_strongest() -> None:
    drawn = np.asarray(concepts(halves(), 0, PICTURE, alpha=1.0))
    assert tuple(drawn[160, 20]) == _COLOURS[0]
    assert tuple(drawn[160, 300]) == _COLOURS[1]  # full from half of the strongest on


def test_a_concept_that_is_weak_in_this_image_stays_weak() -> None:
    explanation = halves()
    assert explanation.concepts is not None
    explanation.concepts.maps[0, 1] *= 0.1
    drawn = np.asarray(concepts(explanation, 0, PICTURE, alpha=1.0))
    assert drawn[160, 300].max() < 0.2 * max(_COLOURS[1])


def test_the_legend_has_a_line_for_each_concept_and_grows_with_what_it_says() -> None:
    scores = torch.tensor([[[5.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]]])
    short = concepts(halves(scores), 0, PICTURE, classes=0)
    long = concepts(halves(scores), 0, PICTURE, classes=4)
    assert PICTURE.height < short.height < long.height
    squares = np.asarray(short)[PICTURE.height :].reshape(-1, 3)
    assert all((squares == colour).all(1).any() for colour in _COLOURS[:2])


def test_an_explanation_without_concepts_says_how_to_get_some() -> None:
    with pytest.raises(ArgumentError, match="method='dff'"):
        concepts(replace(halves(), concepts=None), 0, PICTURE)
