"""The check of the built site finds what it is for."""

from __future__ import annotations

import pytest
from check_site import faults, main

WHOLE = '<p id="top">One <code>$x$</code> costs $5. <a href="b.html#end">b</a></p>'
OTHER = '<p id="end">Another. <a href="https://arxiv.org">a link may lead elsewhere</a></p>'


@pytest.fixture
def site(tmp_path):
    (tmp_path / "index.html").write_text(WHOLE)
    (tmp_path / "b.html").write_text(OTHER)
    return tmp_path


def test_a_whole_site_has_no_fault(site):
    assert list(faults(site)) == []
    assert main(str(site)) == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<script src="https://cdn.net/a.js"></script>', "b.html loads https://cdn.net/a.js"),
        ('<link rel="stylesheet" href="//cdn.net/a.css">', "b.html loads //cdn.net/a.css"),
        ('<img src="https://cdn.net/a.png">', "b.html loads https://cdn.net/a.png"),
        ('<img src="a.png">', "b.html: dead link a.png"),
        ('<a href="c.html">c</a>', "b.html: dead link c.html"),
        ('<a href="index.html#end">c</a>', "b.html: dead link index.html#end"),
        (r"<p>$w_k = \sum_k x$</p>", r"b.html: raw formula '$w_k = \\sum_k x$'"),
        (r"<p>\(x\)</p>", r"b.html: raw formula '\\('"),
    ],
)
def test_a_fault_of_a_page_is_found(site, text, fault):
    (site / "b.html").write_text(OTHER + text)
    assert list(faults(site)) == [fault]
    assert main(str(site)) == 1


def test_a_foreign_font_is_found(site):
    (site / "a.css").write_text("@font-face { src: url('https://fonts.net/a.woff2') }")
    assert list(faults(site)) == ["a.css loads https://fonts.net/a.woff2"]
