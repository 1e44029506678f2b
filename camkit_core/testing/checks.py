"""A check: one promise, tested on one plugin; and its outcome."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from ..errors import ArgumentError
from ..plugins import get_registry

S = TypeVar("S")


@dataclass(frozen=True)
class Promise(Generic[S]):
    """What holds for every plugin of a kind.

    Attributes:
        name: the check's name.
        text: the promise in one line.
        test: raises AssertionError for a subject that breaks the promise, SkipTest where the check
            says nothing.
    """

    name: str
    text: str
    test: Callable[[S], None]


@dataclass(frozen=True)
class Check:
    """A promise and the plugin it is tested on; call it to run it.

    Attributes:
        name: the promise's name, e.g. "batch".
        text: the promise in one line.
        test: the function that runs.
        expected: why the check is known to fail; then a pass counts as a failure.
    """

    name: str
    text: str
    test: Callable[[], None]
    expected: str = ""

    def __call__(self) -> None:
        """Run the check.

        Raises:
            AssertionError: if the promise is broken; or if it is kept, and a failure was expected.
            unittest.SkipTest: if the check says nothing here, as without a GPU; pytest skips it.
        """
        try:
            self.test()
        except unittest.SkipTest:
            raise
        except Exception as error:
            if self.expected:
                return
            if isinstance(error, AssertionError):
                raise
            raised = f"{type(error).__name__}: {error}"
            raise AssertionError(f"{self.name}: {self.text}; it failed with {raised}") from error
        if self.expected:
            raise AssertionError(
                f"{self.name}: {self.text}; it does, though it was expected to fail "
                f"({self.expected}): take it out of expected_failures"
            )


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check: "passed", "failed", "expected failure" or "skipped", and why."""

    name: str
    text: str
    status: str
    why: str = ""


def outcomes(checks: Iterable[Check]) -> list[Outcome]:
    """Run all checks, also after a failure."""
    return [_outcome(check) for check in checks]


def _outcome(check: Check) -> Outcome:
    status, why = ("expected failure", check.expected) if check.expected else ("passed", "")
    try:
        check()
    except unittest.SkipTest as skip:
        status, why = "skipped", str(skip)
    except AssertionError as error:
        status, why = "failed", " ".join(str(error).split())
    return Outcome(check.name, check.text, status, why)


def promise(test: Callable[[S], None]) -> Promise[S]:
    """The promise that a function tests; name and text are the function's name and docstring."""
    name = test.__name__.strip("_").replace("_", "-")
    return Promise(name, str(test.__doc__).rstrip("."), test)


def checks_of(
    promises: Sequence[Promise[S]], subject: S, expected: Mapping[str, str]
) -> list[Check]:
    """The checks of one plugin.

    Args:
        promises: all promises of a kind of plugin.
        subject: what is tested.
        expected: by the name of a promise, why this plugin breaks it.

    Raises:
        ArgumentError: if `expected` has a name that is no promise's.
    """
    names = {promise.name for promise in promises}
    if not expected.keys() <= names:
        wrong = ", ".join(sorted(expected.keys() - names))
        raise ArgumentError(f"expected_failures names {wrong}; the checks are {', '.join(names)}")

    def bound(promise: Promise[S]) -> Check:
        return Check(
            promise.name,
            promise.text,
            lambda: promise.test(subject),
            expected.get(promise.name, ""),
        )

    return [bound(promise) for promise in promises]


def parametrize(checks: Sequence[Check]) -> Any:
    """A pytest decorator that gives a test each of `checks` as its argument `check`."""
    import pytest

    return pytest.mark.parametrize("check", checks, ids=[check.name for check in checks])


def run_all(what: str, checks: Sequence[Check]) -> None:
    """Run checks; an AssertionError lists all that failed."""
    failed = [outcome for outcome in outcomes(checks) if outcome.status == "failed"]
    if failed:
        listed = "\n".join(f"  {outcome.why}" for outcome in failed)
        raise AssertionError(f"{what} fails {len(failed)} of {len(checks)} checks:\n{listed}")


def installed(kind: str, name: str) -> Any:
    """The function of an installed plugin.

    Raises:
        ArgumentError: if there is none, or it cannot be loaded.
    """
    return get_registry().find(kind, name).load()


def require(kept: bool, what: str) -> None:
    """Raise AssertionError(what) unless `kept`."""
    if not kept:
        raise AssertionError(what)


def skip(why: str) -> NoReturn:
    """End a check that says nothing here."""
    raise unittest.SkipTest(why)
