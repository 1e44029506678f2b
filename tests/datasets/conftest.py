"""What the tests of data sets share: a folder of pictures, some of which cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.picture_folders import filled


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures in nested folders, of which four cannot be read."""
    return filled(tmp_path_factory.mktemp("photos"))
