"""What a plugin's code raises, told in words that name the plugin, whatever it raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import PluginError

LONGEST = 2000  # characters of an error's text

_name_of = type.__dict__["__name__"].__get__  # a metaclass may define a name of its own, that fails


def kind_of(value: object) -> str:
    """The name of an object's class, read past all that the class defines."""
    return str(_name_of(type(value)))


def account(error: BaseException) -> str:
    """Type and text of an error, also of one whose text cannot be made.

    >>> account(ValueError("too small"))
    'ValueError: too small'
    """
    return ": ".join(filter(None, [kind_of(error), text_of(error)]))


def text_of(error: BaseException) -> str:
    """The text of an error; in place of one that fails, that it does."""
    try:
        text = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as again:  # noqa: BLE001 - an error's own code may do anything
        return f"(its text cannot be made: {kind_of(again)})"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


@contextmanager
def blaming(culprit: str) -> Iterator[None]:
    """Name the plugin whose code runs inside in what that raises.

    An `Exception` goes on as it is, with a note. Anything else, such as what `sys.exit` raises,
    would end the program without a word, and becomes a `PluginError`. An interrupt by the user
    is no plugin's fault.

    Args:
        culprit: e.g. "method 'mycam' (camkit-mycam 1.0)".
    """
    try:
        yield
    except Exception as error:
        note(error, f"in {culprit}")
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{culprit} ended with {account(error)}") from error


def blamed(error: BaseException) -> list[str]:
    """What an error's notes say of plugins: "in method 'mycam' (camkit-mycam 1.0)"."""
    with suppress(Exception):
        return [text for text in error.__notes__ if text.startswith("in ")]
    return []


def note(error: BaseException, text: str) -> None:
    """Add a note to an error, once; from Python 3.11 on, tracebacks show it."""
    with suppress(Exception):  # an error's own code may do anything
        notes = list(getattr(error, "__notes__", ()))
        if text not in notes:
            error.__notes__ = [*notes, text]
