"""Migrate other libraries' usage examples by `camkit migrate`, run them, and write what came of it.

    python benchmarks/migrations.py --output docs/results/migrations.md
    python benchmarks/migrations.py --source grad_cam-1.5.7.tar.gz

pytorch-grad-cam's examples are the snippets of the README in its source distribution, which pip
downloads; nothing of it is kept. Two snippets are no Python as they stand, and are completed
(`COMPLETED`). torch-cam's and captum's are those of docs/migrate.md.
"""

from __future__ import annotations

import argparse
import re
import sys
import tarfile
import tempfile
import traceback
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))

import numpy as np
import torch
import torchvision
from line_counts import tutorials
from peer_tests import VERSION, download
from PIL import Image

from camkit_core.cli import main

ROOT = Path(__file__).parents[1]
COMPLETED = [  # what is no Python in the README, or stands for something of the reader's
    ("input_tensor = # Create", "input_tensor = images  # Create"),
    ("ROADMostRelevantFirstAverage,\n", "(ROADMostRelevantFirstAverage,\n"),
    ("          ROADCombined\n", "          ROADCombined)\n"),
    ("model=model, device=model.device()", "model=model, device=torch.device('cpu')"),
    ("metrics.ARCC import", "metrics.arcc import"),  # the module's name has small letters
    ("inverse_cams", "1 - grayscale_cams"),
    ("cam_mask = cv2", "import cv2\ncam_mask = cv2"),
]
ABOUT = """# Migrated examples

Made by `python benchmarks/migrations.py`: `camkit migrate --write` on the usage examples of other
libraries, which are run before and after it on a small network with random weights. **{after} of
{count} run after it, {before} before it.** The README snippets of pytorch-grad-cam {version} come
from its source distribution; what is no Python there, or stands for something of the reader's, is
completed (`COMPLETED` in the command). Those of torch-cam and captum are the tutorials of
[Coming from another library](../migrate.md).

Snippet 4 raises its TypeError in pytorch-grad-cam itself: it hands a tensor to `deprocess_image`,
which takes arrays there. The compat form takes both.

| example | lines changed | before | after |
|---|---|---|---|
"""


@dataclass
class Example:
    """Code for another library.

    Attributes:
        name: what it is.
        code: its text.
    """

    name: str
    code: str


def readme_examples(archive: Path) -> list[Example]:
    """The snippets of pytorch-grad-cam's README, completed."""
    with tarfile.open(archive) as tar:
        member = next(m for m in tar.getmembers() if m.name.count("/") == 1 and "README" in m.name)
        file = tar.extractfile(member)
        assert file is not None
        text = file.read().decode()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    for before, after in COMPLETED:
        blocks = [block.replace(before, after) for block in blocks]
    return [
        Example(f"pytorch-grad-cam, README, snippet {number}", block)
        for number, block in enumerate(blocks, 1)
    ]


def page_examples() -> list[Example]:
    """The code before of each tutorial of docs/migrate.md."""
    text = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
    return [Example(f"{library}, {title}", code) for title, library, code, _ in tutorials(text)]


def surroundings() -> dict[str, Any]:
    """What the examples take from their reader: a model, an image, a picture."""
    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=300).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    torchvision.models.resnet50 = lambda **_: model  # in place of a download
    return {
        "torch": torch,
        "np": np,
        "Image": Image,
        "VisionTransformer": torchvision.models.VisionTransformer,
        "model": model,
        "images": torch.rand(1, 3, 64, 64),
        "picture": Image.fromarray(pixels),
        "rgb_img": np.float32(pixels) / 255,
        "grayscale_cam": np.random.default_rng(0).random((64, 64), dtype=np.float32),
        "grayscale_cams": np.random.default_rng(0).random((1, 64, 64), dtype=np.float32),
    }


def migrated(code: str, folder: Path) -> str:
    """The code as `camkit migrate --write` leaves it."""
    path = folder / "example.py"
    path.write_text(code, encoding="utf-8")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
        failed = main(["migrate", str(path), "--write"])
    if failed:
        raise SystemExit(said.getvalue())
    return path.read_text(encoding="utf-8")


def outcome(example: Example, code: str, names: dict[str, Any], folder: Path) -> str:
    """What comes of running an example's code among names that earlier ones left."""
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), chdir(folder):
            exec(compile(code, example.name, "exec"), names)
    except Exception:  # noqa: BLE001 - whatever an example raises is its outcome
        return traceback.format_exc().strip().splitlines()[-1]
    return "runs"


def rows(examples: list[Example], folder: Path) -> list[tuple[str, str, str]]:
    """The outcome of each example before its migration, the outcome after it, and its row."""
    before, after, found = surroundings(), surroundings(), []
    for example in examples:
        code = migrated(example.code, folder)
        changed = sum(line not in example.code.splitlines() for line in code.splitlines())
        theirs = outcome(example, example.code, before, folder)
        ours = outcome(example, code, after, folder)
        text = f"| {example.name} | {changed} | {theirs} | {ours} |"
        found.append((theirs, ours, text))
    return found


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, help="a source distribution that is there already")
    parser.add_argument("--output", type=Path, help="the page to write; else it is printed")
    return parser.parse_args()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    args = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        examples = readme_examples(args.source or download(folder)) + page_examples()
        results = rows(examples, folder)
    before, after = (sum(row[side] == "runs" for row in results) for side in (0, 1))
    page = ABOUT.format(before=before, after=after, count=len(results), version=VERSION)
    page += "\n".join(text for *_, text in results) + "\n"
    if args.output:
        args.output.write_text(page, encoding="utf-8")
    else:
        print(page)
    sys.exit(after != len(results))
