"""Runs of data sets in processes of their own, for datasets.py; and a loop by hand beside them."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import camkit_core as camkit

HERE = Path(__file__)
BATCH = 16


def folder_of(
    folder: Path, count: int, side: tuple[int, int] = (160, 120), broken: bool = False
) -> Path:
    """A folder of JPEG files in nested folders; `broken` makes three corrupt and one unreadable."""
    rng = np.random.default_rng(0)
    for number in range(count - 4 * broken):
        path = folder / f"class {number % 7}" / f"{number % 3}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(side, Image.Resampling.BICUBIC).save(path, quality=90)
    if broken:
        whole = next(folder.rglob("*.jpg")).read_bytes()
        (folder / "cut.jpg").write_bytes(whole[:200])
        (folder / "empty.jpg").touch()
        (folder / "text.jpg").write_text("no picture")
        (folder / "gone.jpg").symlink_to("nowhere.jpg")
    return folder


class Run:
    """A run of `explain_dataset` in a process of its own, which may be started again.

    Args:
        photos: the folder.
        output: of the table.
        engine: "local" or "ray".
        slow: seconds that reading each picture takes longer.
        shard_rows: of a file.
        size: of the model's input.
        command: whether to call the command, in place of the function.
        command_line: further arguments of this file.
    """

    def __init__(
        self,
        photos: Path,
        output: Path,
        engine: str = "local",
        slow: float = 0.0,
        shard_rows: int = 10_000,
        size: int = 64,
        command: bool = False,
        command_line: Any = (),
    ) -> None:
        self.output_folder = output
        self.words = [sys.executable, str(HERE), str(photos), str(output), "--engine", engine]
        self.words += ["--slow", str(slow), "--shard-rows", str(shard_rows), "--size", str(size)]
        self.words += [*command_line]
        if command:
            factory = ["--model", "dataset_runs:factory", "--weights", "none", "--workers", "1"]
            program = "from camkit_core.cli import main; raise SystemExit(main())"
            self.words = [sys.executable, "-c", program, "explain-dataset", str(photos)]
            self.words += [*factory, "--device", "cpu", "--output", str(output)]
        path = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = {**os.environ, "SLOW": str(slow), "PYTHONPATH": path}
        self.process: Any = None

    def start(self) -> None:
        """Start, and wait until it explains."""
        self.process = subprocess.Popen(
            self.words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment
        )
        if "-c" not in self.words:
            self.process.stdout.readline()

    def runs(self) -> bool:
        """Whether it is still going on."""
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the process alone; its workers and Ray end by themselves."""
        self.process.kill()
        self.process.wait()

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(which)

    def wait(self) -> int:
        """The exit code."""
        self.process.communicate()
        return int(self.process.returncode)

    def output(self) -> str:
        """What it prints, once it is done."""
        done = subprocess.run(
            self.words, capture_output=True, text=True, env=self.environment, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def done(self) -> Any:
        """The maps, once it is done."""
        self.output()
        return camkit.open_dataset(self.output_folder)


def actors(run: Run) -> list[psutil.Process]:
    """The actors that explain for a run on Ray."""
    children = psutil.Process(run.process.pid).children(recursive=True)
    return [each for each in children if "MapWorker" in " ".join(_words(each))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def factory(size: int = 64) -> tuple[torch.nn.Module, Any]:
    """ResNet-18 with random weights, the same each time, and its slow preprocessing."""
    from torchvision.models import ResNet18_Weights, resnet18
    from torchvision.transforms import CenterCrop, Compose, Lambda, Normalize, Resize, ToTensor

    torch.manual_seed(0)
    usual = ResNet18_Weights.DEFAULT.transforms()
    steps = [Resize(size + size // 8), CenterCrop(size), ToTensor()]
    transform = Compose([Lambda(slowly), *steps, Normalize(usual.mean, usual.std)])
    return resnet18().eval(), transform


def slowly(picture: Image.Image) -> Image.Image:
    """The picture, after some time."""
    if os.environ.get("SLOW", "0") not in ("", "0", "0.0"):
        time.sleep(float(os.environ["SLOW"]))
    return picture


class _Rate:
    """Images a second from the end of the first step to the end of the last."""

    def __init__(self) -> None:
        self.times: list[tuple[float, int]] = []

    def add(self, images: int) -> None:
        self.times.append((time.perf_counter(), images))

    def value(self) -> float:
        (start, _), *later = self.times
        return sum(images for _, images in later) / (later[-1][0] - start)


def measured(photos: Path, output: Path, engine: str) -> float:
    """Images a second of an engine, or of the loop by hand, in a process of its own."""
    words = ["--rate"]
    engine, by_hand = ("local", ["--by-hand"]) if engine == "by hand" else (engine, [])
    run = Run(photos, output, engine=engine, size=224, command_line=[*words, *by_hand])
    return float(json.loads(run.output().splitlines()[-1])["rate"])


class _Files(Dataset[Tensor]):
    """The pictures of a folder, prepared: a data set as one writes it by hand."""

    def __init__(self, folder: Path, transform: Any) -> None:
        self.paths, self.transform = sorted(map(str, folder.rglob("*.jpg"))), transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        import cv2

        pixels = cv2.cvtColor(cv2.imread(self.paths[index]), cv2.COLOR_BGR2RGB)
        made: Tensor = self.transform(Image.fromarray(pixels))
        return made


def by_hand(photos: Path, size: int, parts: int = 1) -> Iterator[int]:
    """Grad-CAM of each picture's top class by hooks, and no more: what an engine can at best do."""
    model, transform = factory(size)
    model.requires_grad_(False)
    kept: dict[str, Tensor] = {}

    def cut(module: Any, args: Any, output: Tensor) -> Tensor:
        kept["activations"] = output.detach().requires_grad_()
        return kept["activations"]

    model.layer4.register_forward_hook(cut)
    files = _Files(photos, transform)
    files.paths = files.paths[: len(files.paths) // parts]
    loader = DataLoader(files, BATCH, num_workers=1)
    maps = []
    for images in loader:
        logits = model(images)
        best = logits.max(1)
        (gradients,) = torch.autograd.grad(best.values.sum(), kept["activations"])
        weights = gradients.mean((2, 3), keepdim=True)
        cam = (weights * kept["activations"].detach()).sum(1)
        shares = logits.detach().softmax(1).max(1).values
        maps.append((cam.half().numpy(), best.indices.tolist(), shares.tolist()))
        yield len(images)


def _memory() -> int:
    """Bytes of the process and its workers, what they share counted once."""
    me = psutil.Process()
    return sum(each.memory_full_info().pss for each in [me, *me.children(recursive=True)])


def main() -> None:
    """Run once; what it prints is one line of JSON, after a line that it has begun."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--slow", type=float, default=0)
    parser.add_argument("--shard-rows", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rate", action="store_true")
    parser.add_argument("--by-hand", action="store_true")
    parser.add_argument("--memory", type=int, default=0)
    args = parser.parse_args()
    told: dict[str, Any] = {}
    rate = _Rate()
    if args.by_hand:
        for images in by_hand(args.photos, args.size, parts=2):
            rate.add(images)
    else:
        _watched(rate, args.memory, told)
        _explain(args)
    if args.rate:
        told["rate"] = rate.value()
    print(json.dumps(told), flush=True)


def _watched(rate: _Rate, early: int, told: dict[str, Any]) -> None:
    """Note each step of the run that follows."""
    from camkit_core.datasets.job import Running

    add, seen = Running.add, [0]

    def noted(running: Running, rows: Any) -> None:
        if not seen[0]:
            print("begun", flush=True)
        add(running, rows)
        rate.add(rows.num_rows)
        seen[0] += rows.num_rows
        if early and seen[0] >= early and (seen[0] // BATCH) % 10 == 0:
            told["late"] = _memory()  # while the workers are there
            told.setdefault("early", told["late"])

    Running.add = noted  # type: ignore[method-assign]


def _explain(args: argparse.Namespace) -> None:
    model, transform = factory(args.size)
    camkit.explain_dataset(
        model,
        args.photos,
        args.output,
        engine=args.engine,
        transform=transform,
        batch_size=BATCH,
        workers=None if args.engine == "ray" else 1,
        shard_rows=args.shard_rows,
    )


if __name__ == "__main__":
    main()
