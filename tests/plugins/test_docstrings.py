"""The examples in docstrings run."""

from __future__ import annotations

import doctest

import pytest

from camkit_core import errors
from camkit_core.plugins import contribution, hookspecs
from helpers.fake_packages import Install


@pytest.mark.parametrize("module", [hookspecs, contribution, errors])
def test_the_examples_run(install: Install, module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
