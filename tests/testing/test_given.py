"""The kit finds a method that changes what it is given."""

from __future__ import annotations

import pytest

from camkit_core.testing import method_checks
from helpers.mutants.given import GREEDY


@pytest.mark.parametrize("name", list(GREEDY))
def test_a_method_that_changes_what_it_is_given_is_caught(name: str) -> None:
    [check] = [check for check in method_checks(GREEDY[name]) if check.name == "given"]
    with pytest.raises(AssertionError, match=r"^it changed \w+"):
        check()


@pytest.mark.parametrize("name", ["gradcam", "chefer", "fullgrad"])
def test_a_method_that_reads_alone_passes(name: str) -> None:
    [check] = [check for check in method_checks(name) if check.name == "given"]
    check()
