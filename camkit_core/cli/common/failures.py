"""Images that a command could not explain, and the reason of each."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from ...errors import InputError
from ...image.decoders import quiet_decoders
from .messages import one_line, say_above_bar, visible
from .stdin import file_of
from .unexpected import named, show_traceback

if TYPE_CHECKING:
    from ...inputs.models.preprocessing import Picture


class Failures:
    """The images that could not be explained, each with the reason."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def read(self, path: Path) -> Picture | None:
        """The image in a file; None if it cannot be read, which is noted as a failure."""
        from ...image import read_image  # late, as numpy comes with it

        try:
            with file_of(path) as file, quiet_decoders():
                return read_image(file)
        except (InputError, OSError) as error:
            self.add(path, error)
            return None

    def add(self, path: Path | str, error: Exception) -> None:
        """Note the failure of an image or a folder, and print it."""
        show_traceback(error)
        said = named(error).replace(f"cannot read {path}: ", "")  # its name stands before it
        self.reasons[str(path)] = one_line(said)
        # A name with a line break is shown with it escaped, also where the reason repeats it.
        shown = visible(path)
        say_above_bar(f"error: {shown}: {one_line(said.replace(str(path), shown))}")

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
        failures = [
            f"{visible(path)} ({shorten(visible(reason), 100)})"
            for path, reason in self.reasons.items()
        ]
        more = f" and {len(failures) - 10} more" if len(failures) > 10 else ""
        explained = f"{images - len(failures)} of {images} images explained"
        say_above_bar(f"{explained}; failed: {', '.join(failures[:10])}{more}")
        return 1
