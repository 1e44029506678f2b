"""A model that a source knows by name; this module needs no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListedModel:
    """A model that a source knows by name, as `camkit list-models` shows it.

    Attributes:
        name: without the prefix of the source.
        task: "classification", "detection", "segmentation" or "text-image"; "" if it is unknown.
        weights: the names of its weights, the DEFAULT ones first; none if it has only random ones.
    """

    name: str
    task: str = ""
    weights: tuple[str, ...] = ()
