"""Explainers with compile=True whose graphs run as they are, weights copied as if folded.

Everything but the compiler is at work, in a tenth of the time.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from camkit_core.forward.compiled import folding, parts


def graphs_run_as_they_are(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """From now on, in this test; gives the graphs that would have been compiled."""
    graphs: list[Any] = []

    def folded(trunk: Any, *given: Any) -> Any:
        graphs.append(deepcopy(trunk))
        return folding.in_precision(graphs[-1], *given)

    monkeypatch.setattr(parts, "folded", folded)
    return graphs
