"""Checks a built site: it asks no other server for anything, and its links and formulas are whole.

    python docs/check_site.py build/site

Prints a line for each fault, and exits with 1 if there is one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"img", "script", "iframe", "source", "video", "audio", "embed", "object"}
FOREIGN = re.compile(r"(?:https?:)?//[^\s\"')]+", re.IGNORECASE)
CSS = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\s\"')]+)", re.IGNORECASE)
RAW_FORMULA = re.compile(r"\$[^$\n]*(?:\\[a-z]|[_^]\{)[^$\n]*\$|\\\(|\\\[|\$\$")


class Page(HTMLParser):
    """What a page loads, where it leads, which anchors it has, and its words outside of code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.words = ""
        self._code = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag loads, and where it leads."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in LOADS:
            self.loads += [given[name] for name in ("src", "data", "srcset") if name in given]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "index"):
            self.loads.append(given.get("href", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self._code += tag in ("code", "pre", "script", "style", "math")

    def handle_endtag(self, tag: str) -> None:
        """Note where code ends."""
        self._code -= tag in ("code", "pre", "script", "style", "math")

    def handle_data(self, data: str) -> None:
        """Note words outside of code."""
        self.words += "" if self._code else data


def faults(site: Path) -> Iterator[str]:
    """A line for each fault of a built site."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name} loads {url}" for url in page.loads if FOREIGN.match(url))
        yield from (f"{name}: raw formula {raw!r}" for raw in RAW_FORMULA.findall(page.words))
        yield from (f"{name}: dead link {link}" for link in dead(path, page, pages))
    for path in sorted(site.rglob("*.css")):
        urls = CSS.findall(path.read_text())
        yield from (f"{path.relative_to(site)} loads {url}" for url in urls)


def dead(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    """The links of a page to files or anchors that are not there."""
    for link in page.links + page.loads:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link == "#":
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        anchor = unquote(parts.fragment)
        if not target.exists() or (
            anchor and target in pages and anchor not in pages[target].anchors
        ):
            yield link


def main(folder: str) -> int:
    """Print the faults of the site in a folder; 1 if there are any."""
    found = list(faults(Path(folder).resolve()))
    print("\n".join(found) or "the site is whole")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
