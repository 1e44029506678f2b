"""Reasons why no verdict holds, whatever the numbers are: random weights, too few images."""

from __future__ import annotations

from collections.abc import Sequence

from ...results.caveats import UNTRAINED
from .bootstrap import LEAST
from .judgement import Judgement
from .standings import Standing, ranked
from .wording import counted


def random_weights(judgement: Judgement) -> list[str]:
    """A sentence, if the model was not trained: its record says so, or a note of its maps does."""
    if not (_recorded(judgement) or _noted(judgement)):
        return []
    return [
        "The weights are random, and a verdict on random weights says nothing of trained ones: "
        "load trained weights."
    ]


def _recorded(judgement: Judgement) -> bool:
    return str(judgement.provenance.get("weights", "")).startswith("none")


def _noted(judgement: Judgement) -> bool:
    makers = judgement.explanations.values()
    return any(UNTRAINED in each.notes for explanations in makers for each in explanations)


def too_few_images(standings: Sequence[Standing]) -> list[str]:
    """A sentence, if there are too few images to call a method better."""
    images = max((standing.images for standing in ranked(standings)), default=LEAST)
    if images >= LEAST:
        return []
    here = "it" if images == 1 else "them"
    return [
        f"{counted(images, 'image')}: too few to tell a better method from a lucky one ({LEAST} "
        f"are the least), so the numbers speak of {here} alone."
    ]
