"""The gallery shows every method of camkit, and its page is the one that the command writes."""

from __future__ import annotations

import json
import re

import gallery
import pytest

from camkit_core.plugins.builtins import DECLARED

SHOWN = json.loads((gallery.FOLDER / "shares.json").read_text())
PAGE = (gallery.DOCS / "gallery.md").read_text()


@pytest.mark.parametrize("method", sorted(DECLARED["camkit.methods"]))
def test_a_method_is_shown_or_left_out_for_a_reason(method):
    assert (method in SHOWN) != (method in gallery.LEFT_OUT)


@pytest.mark.parametrize("method", ["photos", *sorted(SHOWN)])
def test_a_picture_is_there_and_small(method):
    assert (gallery.FOLDER / f"{method}.webp").stat().st_size < 200_000


def test_the_page_is_the_one_that_the_command_writes():
    def without_version(page: str) -> str:
        return re.sub(r"torch [\d.]+", "torch", page)

    assert without_version(gallery.page(SHOWN)) == without_version(PAGE)


@pytest.mark.parametrize("method", ["gradcam", "xgradcam", "ablationcam", "finercam", "scorecam"])
def test_each_class_is_found_on_its_own_photo(method):
    assert min(SHOWN[method]["shares"]) >= 0.8
