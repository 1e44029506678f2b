"""`camkit migrate`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from camkit_core.cli import main

HOME = "camkit_methods.compat.torchcam"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_prints_a_diff_and_writes_nothing(here: Path, capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text("import os\nimport torchcam\n")
    assert main(["migrate", "a.py"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "--- a.py",
        "+++ a.py",
        "@@ -1,2 +1,2 @@",
        " import os",
        "-import torchcam",
        f"+import {HOME} as torchcam",
    ]
    assert err == "camkit: 1 file read, 1 would change (--write writes them)\n"
    assert Path("a.py").read_text() == "import os\nimport torchcam\n"


def test_what_was_written_is_not_written_again(capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text("import torchcam\n")
    assert main(["migrate", "a.py", "--write"]) == 0
    assert Path("a.py").read_text() == f"import {HOME} as torchcam\n"
    capsys.readouterr()
    assert main(["migrate", "a.py", "--write"]) == 0
    assert capsys.readouterr() == ("", "camkit: 1 file read, 0 written\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"import torchcam\r\nx = 1\r\n",
        b"import torchcam\nx = 1",
        b"\xef\xbb\xbfimport torchcam\n",
        b"# coding: latin-1\nimport torchcam\nname = '\xe9'\n",
        b"import torchcam\n\x0c\nif 1:\n\tname = '\\d'\n",
    ],
    ids=["crlf", "no last newline", "bom", "latin-1", "form feed"],
)
def test_bytes_that_need_not_change_stay(raw: bytes) -> None:
    path = Path("a.py")
    path.write_bytes(raw)
    path.chmod(0o755)
    assert main(["migrate", "a.py", "--write"]) == 0
    assert path.read_bytes() == raw.replace(
        b"import torchcam", f"import {HOME} as torchcam".encode()
    )
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_link_stays_a_link() -> None:
    Path("a.py").write_text("import torchcam\n")
    Path("link.py").symlink_to("a.py")
    assert main(["migrate", "link.py", "--write"]) == 0
    assert Path("link.py").is_symlink()
    assert HOME in Path("a.py").read_text()


def test_a_folder_has_a_summary_and_a_bad_file_is_one_line(capsys: pytest.CaptureFixture) -> None:
    for folder in ("sub", ".git", "venv/lib/site-packages"):
        Path(folder).mkdir(parents=True)
        Path(folder, "b.py").write_text("import torchcam\n")
    Path("bad.py").write_text("import torchcam\nprint 1\n")
    Path("other.py").write_text("import os\n")
    Path("text.txt").write_text("import torchcam\n")
    Path("stays.py").write_text("import torchcam.nope\n")
    assert main(["migrate", ".", "--write"]) == 2
    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if line.startswith("+++")] == ["+++ sub/b.py"]
    assert err.splitlines() == [
        "camkit: error: 'bad.py' is no Python that can be read: "
        "line 2: Missing parentheses in call to 'print'. Did you mean print(...)?",
        "camkit: stays.py:1: left: camkit has no torchcam.nope",
        "camkit: 4 files read, 1 written, 1 place left, 1 failed",
    ]
    assert Path("bad.py").read_text() == "import torchcam\nprint 1\n"


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("nope.py", None, "no file or folder 'nope.py'"),
        ("a.txt", b"import torchcam", "'a.txt' is no .py, .pyi, .pyw, .ipynb file"),
        ("a.py", b"import torchcam # \xff\n", "'a.py' is no Python that can be read"),
        ("a.py", b"# coding: none\nimport torchcam\n", "'a.py' is no Python that can be read"),
        ("a.py", b"import torchcam\0\n", "'a.py' is no Python that can be read"),
        ("a.py", b"torchcam = " + b"(" * 5000, "'a.py' is no Python that can be read"),
        ("a.ipynb", b'["torchcam"]', "'a.ipynb' is no notebook that can be read: it has no cells"),
    ],
)
def test_files_that_cannot_be_read_are_told_in_one_line(
    name: str, raw: bytes | None, message: str, capsys: pytest.CaptureFixture
) -> None:
    if raw is not None:
        Path(name).write_bytes(raw)
    assert main(["migrate", name, "--write"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
    assert raw is None or Path(name).read_bytes() == raw


def test_a_file_that_cannot_be_written_is_whole_as_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fails(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    Path("a.py").write_text("import torchcam\n")
    monkeypatch.setattr(Path, "write_bytes", fails)
    assert main(["migrate", "a.py", "--write"]) == 2
    assert "cannot write 'a.py': No space left on device" in capsys.readouterr().err
    assert Path("a.py").read_text() == "import torchcam\n"
    assert sorted(path.name for path in Path().iterdir()) == ["a.py"]


def test_without_libcst_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    Path("a.py").write_text("import torchcam\n")
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert main(["migrate", "a.py"]) == 2
    assert 'pip install "camkit[migrate]"' in capsys.readouterr().err


def test_it_imports_neither_torch_nor_the_libraries(here: Path) -> None:
    Path("a.py").write_text("import torchcam\nfrom pytorch_grad_cam import GradCAM\n")
    program = (
        "import sys; from camkit_core.cli import main; main(['migrate', 'a.py']); "
        "raise SystemExit(str([m for m in ('torch', 'torchcam') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
