"""The API reference has every public name, under the name that one imports, and no other."""

from __future__ import annotations

import importlib
import re

import pytest

from helpers.checkout import ROOT

TEXT = "\n".join(page.read_text() for page in sorted((ROOT / "docs" / "api").glob("*.md")))
ENTRIES = re.findall(r"^\.\. auto\w+:: (\S+)", TEXT, re.M)
MODULES = ("camkit_core", "camkit_core.plugins", "camkit_core.testing", "camkit_methods")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry(module):
    names = importlib.import_module(module).__all__
    assert {f"{module}.{name}" for name in names} <= set(ENTRIES)


def test_no_name_has_two_entries():
    assert len(ENTRIES) == len(set(ENTRIES))


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_a_public_name(entry):
    module, name = entry.rsplit(".", 1)
    assert name in importlib.import_module(module).__all__
