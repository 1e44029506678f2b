"""Images that a command could not explain, and the reason of each."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten

from ...errors import CamkitError, InputError
from ...image import read_image
from ...inputs.models.preprocessing import Picture
from .messages import one_line, say_above_bar


class Failures:
    """The images that could not be explained, each with the reason."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def read(self, path: Path) -> Picture | None:
        """The image in a file; None if it cannot be read, which is noted as a failure."""
        try:
            return read_image(path)
        except (InputError, OSError) as error:
            self.add(path, error)
            return None

    def add(self, path: Path, error: Exception) -> None:
        """Note the failure of an image, and print it."""
        expected = isinstance(error, CamkitError)
        reason = one_line(str(error) if expected else f"{type(error).__name__}: {error}")
        self.reasons[str(path)] = reason
        say_above_bar(f"error: {path}: {reason}")

    def record(self) -> list[dict[str, str]]:
        """The failures, ready for JSON."""
        return [{"image": path, "reason": reason} for path, reason in self.reasons.items()]

    def conclude(self, images: int) -> int:
        """Print a summary if an image failed; returns the exit code: 1 if one failed, else 0.

        Args:
            images: how many images there were, those that failed included.
        """
        if not self.reasons:
            return 0
        failures = [f"{path} ({shorten(reason, 100)})" for path, reason in self.reasons.items()]
        more = f" and {len(failures) - 10} more" if len(failures) > 10 else ""
        explained = f"{images - len(failures)} of {images} images explained"
        say_above_bar(f"{explained}; failed: {', '.join(failures[:10])}{more}")
        return 1
