"""The verdict's sentences, which a notebook shows as a list."""

from __future__ import annotations

from html import escape

from ...results.viewer.notebook import block


class Verdict(tuple[str, ...]):
    """Sentences, the recommendation last, printed a line each; as HTML, it is the first."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(self)

    def html(self) -> str:
        """The recommendation as a paragraph, the other sentences as a list below it."""
        *others, lead = self
        items = "".join(f"<li>{escape(text)}</li>\n" for text in others)
        first = f'<p class="lead">{escape(lead)}</p>\n'
        return f"{first}<ul>\n{items}</ul>" if items else first

    def _repr_html_(self) -> str:
        return block(f'<div class="verdict">{self.html()}</div>\n')
