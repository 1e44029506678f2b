"""Run pytorch-grad-cam's own tests on camkit, and write what they say.

    python benchmarks/peer_tests.py --output docs/results/peer-tests.md
    python benchmarks/peer_tests.py --tests test_sess.py --source grad_cam-1.5.7.tar.gz

The tests are taken from the library's source distribution, which pip downloads; nothing of it is
kept. In each of them `pytorch_grad_cam` becomes `camkit_methods.compat.pytorch_grad_cam`, and
nothing else. Two things are put around them: random weights where a test asks for pretrained ones,
and a picture where a test reads one that the source distribution leaves out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

VERSION = "1.5.7"
THEIRS, OURS = "pytorch_grad_cam", "camkit_methods.compat.pytorch_grad_cam"
CONFTEST = '''
import copy
import functools

import torch
import torchvision


def weightless(build):
    """The same model with random weights, built once."""

    @functools.cache
    def built():
        torch.manual_seed(0)
        return build(weights=None)

    @functools.wraps(build)
    def model(*args, weights=None, pretrained=False, **kwargs):
        return build(*args, **kwargs) if args or kwargs else copy.deepcopy(built())

    return model


for name in ("resnet18", "vgg11"):
    setattr(torchvision.models, name, weightless(getattr(torchvision.models, name)))
'''
REASONS = {  # why camkit does not pass a test, by the test's name
    "test_finercam_htcore_is_single_underscore": "looks for a name in that library's source text, "
    "of an accelerator (HPU) that camkit has no code for",
}


ABOUT = """# pytorch-grad-cam's own tests

**{passed} of {count}** tests of pytorch-grad-cam {version} pass on camkit with `pytorch_grad_cam`
replaced by `camkit_methods.compat.pytorch_grad_cam` in them, and nothing else. Made by
`python benchmarks/peer_tests.py`: the tests come from the source distribution, which pip downloads;
pretrained weights are random ones, and the picture that it leaves out is noise.
Without a CUDA device, `test_context_release_cuda.py` returns at once, and counts as passed.
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a test.

    Attributes:
        file: its file.
        name: its name.
        passed: whether it passed.
        message: the first line of its failure.
    """

    file: str
    name: str
    passed: bool
    message: str = ""


def download(folder: Path) -> Path:
    """The source distribution, as pip downloads it; SystemExit if it cannot be had."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps"]
    command = [*pip, "-d", str(folder), f"grad-cam=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    found = list(folder.glob("*.tar.gz"))
    if not found:
        last = (done.stderr.strip() or "no file").splitlines()[-1]
        raise SystemExit(f"pytorch-grad-cam {VERSION} cannot be downloaded: {last}")
    return found[0]


def unpack(archive: Path, folder: Path) -> list[Path]:
    """The tests of a source distribution in a folder, their imports changed."""
    with tarfile.open(archive) as tar:
        members = [each for each in tar.getmembers() if "/tests/" in each.name]
        texts = {Path(m.name).name: tar.extractfile(m) for m in members if m.isfile()}
        for name, file in texts.items():
            assert file is not None
            text = file.read().decode().replace(THEIRS, OURS)
            (folder / name).write_text(text, encoding="utf-8")
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    _picture(folder / "examples" / "both.png")
    return sorted(folder.glob("test_*.py"))


def _picture(path: Path) -> None:
    """A picture in the place of the one that the tests read; they ask for its shape alone."""
    import numpy as np
    from PIL import Image

    path.parent.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((224, 224), Image.Resampling.BICUBIC).save(path)


def run(folder: Path, files: list[Path]) -> list[Outcome]:
    """The outcome of each test of some files."""
    report = folder / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", "--tb=line", f"--junitxml={report}"]
    command = [sys.executable, "-m", "pytest", *options, *(file.name for file in files)]
    subprocess.run(command, cwd=folder)
    return [_outcome(case) for case in ET.parse(report).iter("testcase")]


def _outcome(case: ET.Element) -> Outcome:
    failures = [each for each in case if each.tag in ("failure", "error")]
    message = failures[0].get("message", "").splitlines()[0] if failures else ""
    file = case.get("classname", "").split(".")[-1]
    return Outcome(f"{file}.py", case.get("name", ""), not failures, message)


def page(outcomes: list[Outcome]) -> str:
    """The figures, and each failure with its reason."""
    passed = sum(each.passed for each in outcomes)
    by_file = Counter(each.file for each in outcomes)
    good = Counter(each.file for each in outcomes if each.passed)
    rows = [f"| `{file}` | {good[file]} | {count} |" for file, count in sorted(by_file.items())]
    failures = [f"- `{each.name}`: {_reason(each)}" for each in outcomes if not each.passed]
    failing = ["Those that fail, and why:", "", *failures, ""] if failures else []
    account = ABOUT.format(passed=passed, count=len(outcomes), version=VERSION)
    table = ["| file | passed | tests |", "|---|---|---|", *rows, ""]
    return "\n".join([account, *table, *failing])


def earlier(path: Path) -> list[Outcome]:
    """The outcomes of a page, of which some are kept where few files are run again."""
    file = path.with_suffix(".json")
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [Outcome(**row) for row in rows]


def _reason(outcome: Outcome) -> str:
    return REASONS.get(outcome.name.partition("[")[0], outcome.message)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tests", nargs="+", help="names of files (default: all)")
    parser.add_argument("--source", type=Path, help="the source distribution, if it is at hand")
    parser.add_argument(
        "--output", type=Path, help="a page, .md; files that are not run again keep their rows"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = unpack(args.source or download(folder), folder)
        chosen = [file for file in files if not args.tests or file.name in args.tests]
        outcomes = run(folder, chosen)
    if args.output:
        again = {file.name for file in chosen}
        outcomes += [each for each in earlier(args.output) if each.file not in again]
        rows = [asdict(each) for each in outcomes]
        args.output.with_suffix(".json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
        args.output.write_text(page(outcomes), encoding="utf-8")
    print(page(outcomes))


if __name__ == "__main__":
    main()
