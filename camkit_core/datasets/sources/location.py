"""Where the pictures of a data set are: found again after it was explained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def location_of(name: str, facts: Mapping[str, Any]) -> str | None:
    """The file of the picture with an id, if it is still there; else None."""
    root = facts.get("source", {}).get("root")
    if root is None:
        return None
    path = os.path.join(root, name)
    return path if os.path.isfile(path) else None
