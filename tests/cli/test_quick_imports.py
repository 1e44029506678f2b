"""How the command imports PyTorch and what builds on it: no compiler, until it is asked for."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

import camkit_core
from camkit_core.cli.common.quick_imports import quick_imports

ROOT = str(Path(camkit_core.__file__).parents[1])
EXPLAINED = """
import gc, json, sys
from camkit_core.cli.common.quick_imports import quick_imports
from camkit_core.cli import main

with quick_imports():  # as inside the command, so that what is imported later is seen, too
    codes = [main(["explain", "dog.png", "--model", name, "--weights", "none", "--size", "32"])
             for name in ("mobilenet_v3_small", "timm:test_resnet")]
    early = sorted({"torch._dynamo", "torch._inductor", "sympy", "transformers"} & set(sys.modules))

    import torch, torchvision
    from torch._dynamo.utils import counters, is_compile_supported
    from torchvision.ops import roi_align
    from timm.models import naflexvit

    asked = sys.modules["torchvision.ops.roi_align"].is_compile_supported
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    x = torch.ones(1, 2)
    traced = torch.compile(net, backend="eager")(x)
    exported = torch.export.export(net, (x,)).module()(x)
    boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]])
    box = torch.compile(roi_align, backend="eager")(torch.ones(1, 1, 4, 4), boxes, 2)
print(json.dumps({
    "codes": codes, "early": early, "same function": asked is is_compile_supported,
    "compiled": torch.equal(traced, net(x)), "exported": torch.equal(exported, net(x)),
    "boxes": box.tolist(), "frames": sum(counters["frames"].values()) > 0,
    "usual decorator": torch.compiler.disable.__module__, "collected": gc.isenabled(),
}))
"""


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a process says after explaining a picture by a model of torchvision and one of timm."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("start")
    Image.new("RGB", (32, 32), "red").save(folder / "dog.png")
    done = _run(EXPLAINED, folder)
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{ROOT!r}]\n{code}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_to_explain_a_picture_imports_no_compiler(explained: dict[str, object]) -> None:
    assert (explained["codes"], explained["early"]) == ([0, 0], [])


def test_the_compiler_works_as_ever_afterwards(explained: dict[str, object]) -> None:
    assert all(explained[each] for each in ("compiled", "exported", "frames"))
    assert explained["boxes"] == [[[[1.0, 1.0], [1.0, 1.0]]]]


def test_what_stood_in_for_the_compiler_is_gone(explained: dict[str, object]) -> None:
    assert explained["same function"]
    assert explained["usual decorator"] == "torch.compiler"


def test_garbage_is_collected_again(explained: dict[str, object]) -> None:
    assert explained["collected"]


MADE_UP = {
    "torch/__init__.py": "",
    "torch/_dynamo/__init__.py": "from . import utils\nfrom .utils import counters",
    "torch/_dynamo/utils.py": "counters = {}\ndef is_compile_supported(kind):\n    return kind",
    "torch/_dynamo/config.py": "",
    "torchvision/__init__.py": (
        "import gc, torch\n"
        "from torch._dynamo.utils import is_compile_supported as early\n"
        "collects = gc.isenabled()\n"
        "from torch._dynamo.utils import counters, is_compile_supported\n"
        "import torch._dynamo.config\n"
    ),
}
ASKED = """
import sys
from camkit_core.cli.common.quick_imports import quick_imports

with quick_imports():
    import torchvision
import torch._dynamo
assert torch._dynamo.utils is sys.modules["torch._dynamo.utils"]
assert torch._dynamo.counters is torchvision.counters is torch._dynamo.utils.counters
assert torchvision.early("cpu") == torchvision.is_compile_supported("cpu") == "cpu"
assert torch._dynamo.config is sys.modules["torch._dynamo.config"]
assert not torchvision.collects
"""


def test_a_torchvision_that_needs_more_of_the_compiler_gets_it(tmp_path: Path) -> None:
    for name, text in MADE_UP.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    _run(f"sys.path.insert(0, {str(tmp_path)!r})\n{ASKED}", tmp_path)


def test_imports_are_the_usual_ones_outside_of_the_command() -> None:
    before = list(sys.meta_path)
    with quick_imports():
        assert len(sys.meta_path) == len(before) + 1
        assert sys.modules["torch"].__spec__ is not None
    assert sys.meta_path == before
    assert gc.isenabled()


def test_where_no_library_is_found_by_path_nothing_changes(monkeypatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    with quick_imports():
        assert sys.meta_path == []
