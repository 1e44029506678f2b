"""Count the lines of the tutorials of `docs/migrate.md`, and write the table under them.

    python docs/line_counts.py

Blank lines count in none of them.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent / "migrate.md"
START = "<!-- lines: made by python docs/line_counts.py -->\n"
END = "<!-- end of lines -->\n"


def tutorials(text: str) -> list[tuple[str, str, str, str]]:
    """(title, library, code before, code after) of each tutorial of the page."""
    found = []
    for section in text.split("\n### ")[1:]:
        title, body = section.split("\n", 1)
        library = re.search(r"^Before, (.*):$", body, re.M)
        blocks = re.findall(r"^```python\n(.*?)^```", body, re.M | re.S)
        assert library is not None
        found.append((title, library[1], blocks[0], blocks[1]))
    return found


def count(code: str) -> int:
    """The lines of code that are not blank."""
    return sum(bool(line.strip()) for line in code.splitlines())


def table(text: str) -> str:
    """The counts, as a table."""
    rows = ["| tutorial | library | lines before | lines after |", "|---|---|---|---|"]
    for title, library, before, after in tutorials(text):
        rows.append(f"| {title} | {library} | {count(before)} | {count(after)} |")
    return "\n".join(["", *rows, "", ""])


def counted(text: str) -> str:
    """The page with its table made anew."""
    head, rest = text.split(START)
    return f"{head}{START}{table(text)}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(counted(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
