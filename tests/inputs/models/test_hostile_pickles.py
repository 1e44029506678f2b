"""Files of torch.save made by hand to run code, to take all memory, or to never end."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from camkit_core import load_model
from camkit_core.errors import CamkitError
from helpers import hostile_files as made
from helpers.network_files import TINY, saved, tiny

LARGE = 10**6


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("beside", [True, False])
def test_a_file_that_would_run_code_is_refused_and_runs_none(
    new: bool, beside: bool, tmp_path: Path
) -> None:
    harm = made.Runs(tmp_path / "ran")
    content = {"state_dict": tiny().state_dict(), "epoch": harm} if beside else harm
    path = tmp_path / "w.pth"
    torch.save(content, path, _use_new_zipfile_serialization=new)
    with pytest.raises(CamkitError, match=r"w\.pth would call posix\.mkdir.*do not use this file"):
        load_model(TINY, path)
    assert not (tmp_path / "ran").exists()


TENSORS = [
    ("larger than its storage", {"shape": (LARGE, LARGE), "strides": (LARGE, 1)}),
    ("larger than its storage", {"offset": 1 << 60}),
    ("of more numbers than the file", {"shape": (LARGE, LARGE), "strides": (0, 0)}),
    ("without a shape", {"shape": (-1,)}),
    ("without a shape", {"strides": (-1,)}),
    ("without a shape", {"shape": (2, 2)}),
    ("of another size", {"count": 1 << 40}),
    (r"lacks 'archive/data/\.\./data\.pkl'", {"key": "../data.pkl"}),
    ("of another kind", {"kind": "QInt8Storage"}),
]


@pytest.mark.parametrize(("reason", "given"), TENSORS)
def test_a_tensor_that_is_not_in_its_storage_is_refused(
    reason: str, given: dict[str, Any], tmp_path: Path
) -> None:
    path = made.torch_zip(tmp_path / "w.pth", made.dict_of("0.bias", made.tensor(**given)))
    with pytest.raises(CamkitError, match=rf"^w\.pth is damaged \(.*{reason}"):
        load_model(TINY, path)


PICKLES = {
    "a key as deep as a stack": b"})" + b"\x85" * 200_000 + b"K\x01s.",
    "a key of 2**60 items": b"})" + b"2\x86" * 60 + b"K\x01s.",
    "a value of 2**60 items": b"}" + made.text("a") + b")" + b"2\x86" * 60 + b"s.",
    "a set of 2**60 items": b"})" + b"2\x86" * 60 + b"\x91.",
    "dicts inside each other": (b"}" + made.text("model")) * 10_000 + b"}" + b"s" * 10_000 + b".",
    "a dict inside itself": b"}q\0" + made.text("state_dict") + b"h\0s.",
    "a note at place 2**31": b"}r\xff\xff\xff\x7f.",
    "a terabyte of bytes": b"\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
    "a terabyte of an array": b"\x96" + struct.pack("<Q", 1 << 40) + b"x.",
    "a terabyte by a call": b"c__builtin__\nbytearray\n" + made.whole(1 << 40) + b"\x85R.",
    "a frame without an end": b"\x95" + struct.pack("<Q", 1 << 62) + b"}.",
    "a number of 5000 digits": b"L" + b"9" * 5000 + b"L\n.",
    "a call of a number": b"K\x01)R.",
    "the state of a class": b"ctorch\nTensor\n}b.",
    "the state of a list": b"]}b.",
    "items of a list": b"](K\x01K\x02u.",
    "an extension": b"\x82\x01.",
    "nothing": b"",
    "only an end": b".",
}


@pytest.mark.parametrize("pickled", PICKLES.values(), ids=PICKLES)
def test_a_pickle_made_by_hand_is_refused_at_once(pickled: bytes, tmp_path: Path) -> None:
    path = made.torch_zip(tmp_path / "w.pth", b"\x80\x05" + pickled)
    with pytest.raises(CamkitError, match=r"w\.pth"):
        load_model(TINY, path)


def test_what_unpacks_to_much_more_than_the_file_is_not_unpacked(tmp_path: Path) -> None:
    pickled = made.dict_of("a", b"B" + struct.pack("<I", 11 * 10**7) + bytes(11 * 10**7))
    path = made.torch_zip(tmp_path / "w.pth", pickled, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CamkitError, match=r"w\.pth is compressed.*save it again: python -c"):
        load_model(TINY, path)


def test_a_name_that_is_in_the_archive_twice_is_refused(tmp_path: Path) -> None:
    path = made.torch_zip(tmp_path / "w.pth", made.dict_of("0.bias", made.tensor()))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data/0", bytes(40))
    with pytest.raises(CamkitError, match=r"w\.pth is damaged \(a name is there twice\)"):
        load_model(TINY, path)


def test_keys_that_are_no_texts_are_no_weights(tmp_path: Path) -> None:
    weight = torch.zeros(2)
    keys = {1: weight, ("a", 2): weight, None: weight}
    with pytest.raises(CamkitError, match=r"no weights in w\.pth"):
        load_model(TINY, saved(keys, tmp_path / "w.pth"))
    whole = saved(tiny().state_dict() | keys, tmp_path / "w.pth")
    assert load_model(TINY, whole).notes == ()


def test_a_number_of_classes_that_the_file_has_no_weights_for_is_not_built(tmp_path: Path) -> None:
    head = torch.zeros(1, 1).expand(10**9, 64)
    with pytest.raises(CamkitError, match="more numbers than the file has"):
        load_model("test_vit", saved({"head.weight": head}, tmp_path / "w.pth"))


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pkl"
    path.write_bytes(pickle.dumps({"a": [1, 2]}))
    with pytest.raises(CamkitError, match=r"w\.pkl is a pickle, but not one of torch\.save"):
        load_model(TINY, path)
