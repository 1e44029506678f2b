"""The conformance kit: every promise that camkit makes to its users, as a check on a plugin.

    from camkit_core.testing import method_checks, parametrize

    @parametrize(method_checks("mycam"))
    def test_conformance(check):
        check()

Nothing is downloaded, no weights are needed, and a gradient method takes a few seconds. In the
shell: `camkit check mycam`.
"""

from __future__ import annotations

from .adapters import adapter_checks, check_adapter
from .checks import Check, Outcome, outcomes, parametrize
from .explainers import Explainer, explainer
from .methods import check_method, method_checks
from .metrics import check_metric, metric_checks
from .orientation import Orientation, orientation
from .renderers import check_renderer, renderer_checks
from .sources import check_source, source_checks

__all__ = [
    "Check",
    "Explainer",
    "Orientation",
    "Outcome",
    "adapter_checks",
    "check_adapter",
    "check_method",
    "check_metric",
    "check_renderer",
    "check_source",
    "explainer",
    "method_checks",
    "metric_checks",
    "orientation",
    "outcomes",
    "parametrize",
    "renderer_checks",
    "source_checks",
]
