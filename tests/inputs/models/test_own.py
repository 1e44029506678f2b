"""Models of the user's own: whatever their code does is one clear error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from camkit_core import load_model
from camkit_core.errors import CamkitError, ImportFailed, InputError, InputTypeError, UnknownName

CODE = """
import sys
from torch import nn

def net(): return nn.Conv2d(3, 4, 1)
def leaves(): sys.exit(3)
def stops(): raise GeneratorExit
class Silent(Exception):
    def __str__(self): raise RuntimeError
def silent(): raise Silent
def needs(size): return net()
def interrupted(): raise KeyboardInterrupt
ready = net()
class NoEvaluation(nn.Module):
    def eval(self): raise RuntimeError("never")
class NoWeights(nn.Module):
    def state_dict(self, *args, **keywords): raise RuntimeError("never")
"""
FAILURES = {
    "leaves": r"own_hostile:leaves\(\) failed: SystemExit: 3",
    "stops": r"own_hostile:stops\(\) failed: GeneratorExit",
    "silent": r"own_hostile:silent\(\) failed: Silent: its message cannot be read",
    "needs": r"missing 1 required .*; expected --model package\.module:factory",
    "NoEvaluation": "cannot be put on cpu to be evaluated: RuntimeError: never",
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_hostile.py").write_text(CODE)
    monkeypatch.delitem(sys.modules, "own_hostile", raising=False)
    return tmp_path


@pytest.mark.parametrize(("name", "said"), FAILURES.items())
def test_a_factory_that_fails_in_any_way_is_one_error(name: str, said: str, own: Path) -> None:
    with pytest.raises(InputError, match=said):
        load_model(f"own_hostile:{name}")


def test_an_interrupt_is_an_interrupt(own: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_model("own_hostile:interrupted")


def test_a_model_in_place_of_its_factory_is_refused(own: Path) -> None:
    with pytest.raises(InputTypeError, match="is a model, not a function that returns it"):
        load_model("own_hostile:ready")


def test_a_model_that_cannot_list_its_weights_is_refused_for_a_file(own: Path) -> None:
    from helpers.network_files import saved, tiny

    path = saved(tiny().state_dict(), own / "w.pth")
    with pytest.raises(InputError, match=r"weights of own_hostile:NoWeights cannot be listed"):
        load_model("own_hostile:NoWeights", path)


@pytest.mark.parametrize("code", ["raise SystemExit(5)", "def (", "raise GeneratorExit", "1/0"])
def test_a_module_that_fails_to_import_in_any_way_is_one_error(code: str, own: Path) -> None:
    (own / "own_broken.py").write_text(code)
    with pytest.raises(ImportFailed, match="importing own_broken failed: "):
        load_model("own_broken:net")


def test_a_module_whose_attributes_cannot_be_read_is_one_error(own: Path) -> None:
    (own / "own_reader.py").write_text("def __getattr__(name): raise RuntimeError('never')")
    with pytest.raises(InputError, match="reading 'own_reader:net' failed: RuntimeError: never"):
        load_model("own_reader:net")


@pytest.mark.parametrize("name", ["sys:exit", "os:getcwd", "builtins:dict"])
def test_a_function_of_python_is_no_factory(name: str) -> None:
    with pytest.raises(InputError, match=name):
        load_model(name)


ODD = ["", " ", ":", "::", ":net", ".here:net", "gone:", "a\0b:net", "*", "timm:", "a" * 5000]


@pytest.mark.parametrize(
    "name", [*ODD, "a" * 5000 + ":net", "\udcff", "http://x", "own_hostile.net"]
)
def test_any_other_text_is_an_unknown_name_in_a_short_message(name: str, own: Path) -> None:
    with pytest.raises(UnknownName) as e:
        load_model(name)
    assert len(str(e.value)) < 600


@pytest.mark.parametrize("name", [5, None, b"resnet18", ["resnet18"]])
def test_what_is_no_text_is_no_name(name: Any) -> None:
    with pytest.raises(InputTypeError, match="expected a model by its name"):
        load_model(name)


def test_what_a_factory_prints_is_not_among_the_results(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from camkit_core.cli.common.model import load_noted

    (own / "own_loud.py").write_text("print('loud')\nfrom torch import nn\nnet = nn.Identity")
    load_noted("own_loud:net")
    assert capsys.readouterr() == ("", "loud\n")


def test_errors_of_camkit_in_a_factory_stay_what_they_are(own: Path) -> None:
    code = "from camkit_core import TargetError\ndef net(): raise TargetError('mine')"
    (own / "own_error.py").write_text(code)
    with pytest.raises(CamkitError, match=r"^mine$"):
        load_model("own_error:net")


def test_another_name_of_a_source_is_told_with_its_own() -> None:
    with pytest.raises(UnknownName, match="write --model hf:"):
        load_model("huggingface:facebook/detr-resnet-50", "none")
