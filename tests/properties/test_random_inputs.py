"""Random and hostile inputs give an answer or an error of camkit's, and change nothing.

The same inputs in larger numbers: `python benchmarks/hostile.py`.
"""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from random_inputs import api_calls, checkpoints, command_lines, pictures, plugin_results

ENTRANCES = [(api_calls, 100), (command_lines, 20), (pictures, 200), (checkpoints, 100)]
ENTRANCES += [(plugin_results, 50)]


@pytest.mark.parametrize(
    ("entrance", "count"), ENTRANCES, ids=[module.__name__ for module, _ in ENTRANCES]
)
def test_random_inputs_give_an_answer_or_an_error_of_camkit(
    entrance: ModuleType, count: int
) -> None:
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,  # the same inputs each time
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(entrance.inputs())
    def each(value: object) -> None:
        entrance.tried(value)

    each()
