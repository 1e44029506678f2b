"""What may come of a call: its answer, an error of camkit, or an error of what the user passed."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from camkit_core import CamkitError

BUILT_IN = (ValueError, TypeError, LookupError, ImportError, RuntimeError, OSError)
LONGEST = 3000  # letters; nobody reads a longer message


def outcome(call: Callable[[], Any], others: tuple[type[BaseException], ...] = ()) -> str:
    """The outcome of `call` by name.

    Args:
        call: what to try.
        others: errors that are not camkit's, such as those that the model itself raises.
    """
    try:
        call()
    except CamkitError as error:
        _check(error)
        return type(error).__name__
    except BaseException as error:
        if isinstance(error, others) or _is_the_callers(error):
            return f"passed on: {type(error).__name__}"
        raise
    return "an answer"


def _is_the_callers(error: BaseException) -> bool:
    """Whether a function that was passed to camkit raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).parent == Path(__file__).parent and last.name != "_run"


def _check(error: CamkitError) -> None:
    """An error is also a built-in exception, and somebody can read its message."""
    kind, text = type(error).__name__, str(error)

    assert isinstance(error, BUILT_IN), f"{kind} is no built-in exception"
    assert text, f"{kind} without a message"
    assert len(text) < LONGEST, f"a message of {len(text)} letters: {text[:200]}"
