"""One folder holds the maps of one run; another run is refused with both values."""

from __future__ import annotations

import pytest

from camkit_core.datasets import manifest
from camkit_core.errors import ArgumentError, FileError

FACTS = {"model": "resnet50", "methods": ["gradcam"], "targets": ["top1"], "weights": "a file"}


def test_the_first_run_says_what_it_is(tmp_path):
    assert manifest.read(tmp_path) is None
    assert manifest.agree(tmp_path, FACTS) == FACTS
    assert manifest.read(tmp_path) == FACTS
    assert [path.name for path in tmp_path.iterdir()] == [manifest.NAME]


def test_the_same_run_may_go_on(tmp_path):
    first = manifest.agree(tmp_path, {**FACTS, "created": "yesterday"})
    assert manifest.agree(tmp_path, {**FACTS, "created": "today"}) == first


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("model", "vgg16", "its model is 'resnet50', and now it is 'vgg16'"),
        ("methods", ["finercam"], r'its method is \["gradcam"\], and now it is \["finercam"\]'),
        (
            "weights_hash",
            "1f",
            r"its weights \(SHA-256\) is .*, and now it is '1f\.\.\. \(a file\)'",
        ),
    ],
)
def test_another_run_is_refused_with_both_values(tmp_path, key, value, told):
    manifest.agree(tmp_path, FACTS)
    with pytest.raises(ArgumentError, match=told):
        manifest.agree(tmp_path, {**FACTS, key: value})


def test_a_run_that_begins_at_the_same_time_decides(tmp_path, monkeypatch):
    """Another process writes its manifest just before this one would."""
    linked = manifest._linked

    def late(temporary, path):
        path.write_text('{"model": "vgg16"}')
        linked(temporary, path)

    monkeypatch.setattr(manifest, "_linked", late)
    with pytest.raises(ArgumentError, match="'vgg16', and now it is 'resnet50'"):
        manifest.agree(tmp_path, FACTS)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path, text):
    (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(FileError, match=r"camkit\.json"):
        manifest.read(tmp_path)
