"""Every page of the docs is on the site, asks nothing of other servers, and has whole formulas."""

from __future__ import annotations

import re

import pytest

from helpers.checkout import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
CONTENTS = (DOCS / "_toc.yml").read_text()
ids = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))


def prose(text: str) -> str:
    """A page without its code."""
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def formulas(text: str) -> list[str]:
    """The formulas of a page; what is left of it must hold no dollar."""
    return re.findall(r"\$\$[^$]+\$\$|\$[^$\s](?:[^$\n]*[^$\s])?\$", prose(text))


def test_the_groups_of_pages_are_five():
    groups = re.findall(r"caption: (\w+)", CONTENTS)
    assert groups == ["Learn", "Explain", "Judge", "Extend", "Reference"]


def test_each_page_stands_in_the_contents_once():
    listed = re.findall(r"(?:file|root): (\S+)", CONTENTS)
    assert sorted(listed) == sorted(str(p.relative_to(DOCS).with_suffix("")) for p in PAGES)


@ids
def test_a_page_loads_nothing_from_another_server(page):
    assert not re.findall(r"!\[[^\]]*\]\(\s*(?:https?:)?//|<(?:img|script|link)", page.read_text())


@ids
def test_the_formulas_of_a_page_are_whole(page):
    left = prose(page.read_text())
    for formula in formulas(left):
        assert formula.count("{") == formula.count("}"), formula
        left = left.replace(formula, "", 1)
    assert "$" not in left
