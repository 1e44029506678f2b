"""Reasons why no verdict holds, whatever the numbers are: no training, too few images."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import counted
from ...results.caveats import UNTRAINED, UNTRAINED_HEAD
from .bootstrap import LEAST
from .judgement import Judgement
from .standings import Standing, ranked


def untrained(judgement: Judgement) -> str:
    """Why the model counts as not trained, in words: by its record, or by a note of its maps."""
    if str(judgement.provenance.get("weights", "")).startswith("none"):
        return "the weights are random"
    makers = judgement.explanations.values()
    notes = {note for explanations in makers for each in explanations for note in each.notes}
    return "the model looks untrained" if notes & {UNTRAINED, UNTRAINED_HEAD} else ""


def untrained_weights(judgement: Judgement) -> list[str]:
    """A sentence, if the model was not trained."""
    why = untrained(judgement)
    says = "what is said of these maps does not hold for a trained model; load trained weights"
    return [f"{why[0].upper()}{why[1:]}: {says}."] if why else []


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
