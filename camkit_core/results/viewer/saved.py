"""One HTML file that shows maps without a server: style, script and values are in it."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

from .modules import joined, web_files

PLACE = "{}"  # where the values go, in a page that the browser completes
_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'sha256-{style}'; "
    "script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
)


def saved_page(values: dict[str, Any] | None = None, title: str = "camkit") -> str:
    """The page of these values; of none, a page with `{}` in their place.

    Args:
        values: `picture` (the source of an image), `colours`, `maps` (see `map_record`), and
            `best`; as `viewer.js` takes them.
        title: of the page.
    """
    style, script = web_files()["viewer.css"], joined("saved.js", web_files())
    policy = _POLICY.format(style=_hash(style), script=_hash(script))
    data = PLACE if values is None else in_script(values)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="camkit-page">\n<main id="viewer" class="camkit-viewer"></main>\n'
        f'<script type="application/json" id="values">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def in_script(values: Any) -> str:
    """JSON that may stand in a script element, whatever texts are in it."""
    return json.dumps(values, allow_nan=False).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
