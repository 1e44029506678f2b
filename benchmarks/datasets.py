"""Data sets at full size: the same rows by both engines, kills, speed and memory.

python benchmarks/datasets.py same          # 600 pictures, local and Ray
python benchmarks/datasets.py process       # killed ten times; then the same for an actor, and
python benchmarks/datasets.py actor         # for the driver of Ray
python benchmarks/datasets.py driver
python benchmarks/datasets.py interrupt     # Ctrl-C
python benchmarks/datasets.py speed         # 5,000 pictures: a loop by hand, local, Ray
python benchmarks/datasets.py memory        # 20,000 pictures
python benchmarks/datasets.py million       # a million rows: opening, filtering, the report
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dataset_runs import Run, actors, folder_of, measured
from datasets_million import million

import camkit_core as camkit

PAGE = Path(__file__).parents[1] / "docs" / "results" / "datasets.md"
KILLS = 10
HEAD = """# Data sets at full size

Written by `python benchmarks/datasets.py COMMAND`, a section for each command. The network is
ResNet-18 with random weights: what is measured does not depend on what it has learnt.
"""


def same(folder: Path) -> list[str]:
    """600 pictures, of which three are corrupt and one cannot be read, by both engines."""
    photos = folder_of(folder / "photos", 600, broken=True)
    local = Run(photos, folder / "local", size=224).done()
    by_ray = {row.id: row for row in Run(photos, folder / "ray", engine="ray", size=224).done()}
    apart, differing = 0.0, 0
    for row in local:
        other = by_ray[row.id]
        keys = ("class_index", "layer", "grid", "notes", "error", "label")
        differing += any(row.values[key] != other.values[key] for key in keys)
        if row.error is None:
            steps = np.subtract(row.values["map"], other.values["map"])
            apart = max(apart, float(np.abs(steps).max()))
    errors = sorted(f"`{row.id}`: {row.error.partition(':')[0]}" for row in local if row.error)
    size = sum(path.stat().st_size for path in (folder / "local").glob("*.parquet"))
    return [
        "| engine | rows | unique | errors |",
        "|---|---|---|---|",
        f"| local | {len(local)} | {len({row.id for row in local})} | {len(errors)} |",
        f"| Ray | {len(by_ray)} | {len(by_ray)} | {len(errors)} |",
        "",
        f"Rows that differ in class, layer, grid, notes or error: {differing}. The largest "
        f"difference of maps is {apart * 2**11:.2g} steps of float16 below 1 (2^-11). Errors: "
        f"{'; '.join(errors)}. A row takes {size / len(local):.0f} bytes.",
    ]


def kills(folder: Path, what: str, times: int) -> list[str]:
    """SIGKILL at random moments to the process, to an actor, or to Ray's driver."""
    photos = folder_of(folder / "photos", 600, broken=True)
    ended = _killed(what, photos, folder / what, times, random.Random(0))
    maps = camkit.open_dataset(folder / what)
    half = [path for path in (folder / what).iterdir() if path.suffix == ".tmp"]
    return [
        "| what is killed | kills | rows | unique | errors | half shards |",
        "|---|---|---|---|---|---|",
        f"| the {what} | {ended} | {len(maps)} | {len({row.id for row in maps})} | "
        f"{sum(row.error is not None for row in maps)} | {len(half)} |",
    ]


def _killed(what: str, photos: Path, output: Path, times: int, rng: random.Random) -> int:
    """Run until it is done; kill meanwhile. How many kills hit."""
    engine, hits = "local" if what == "process" else "ray", 0
    slow = {"process": 0.02, "actor": 0.25, "driver": 0.1}[what]
    run = Run(photos, output, engine=engine, slow=slow, shard_rows=24)
    while hits < times:
        run.start()
        if what == "actor":
            while hits < times and run.runs():
                time.sleep(rng.uniform(0.5, 5))
                hits += _kill_one(run, rng)
            break
        time.sleep(rng.uniform(0.2, 1.5))
        if not run.runs():
            break
        run.kill()
        hits += 1
    run.wait() if what == "actor" else None
    Run(photos, output, engine=engine).done()
    return hits


def _kill_one(run: Run, rng: random.Random) -> int:
    found = actors(run)
    if found:
        rng.choice(found).kill()
    return len(found) > 0


def interrupt(folder: Path) -> list[str]:
    """Ctrl-C to the command, and the same command again."""
    photos, output = folder_of(folder / "photos", 600, broken=True), folder / "maps"
    run = Run(photos, output, slow=0.02, command=True)
    run.start()
    while run.runs() and not (output / "camkit.json").exists():
        time.sleep(0.1)
    time.sleep(4)
    run.signal(signal.SIGINT)
    code, kept = run.wait(), len(camkit.open_dataset(output))
    run.start()
    again, rows = run.wait(), [row.id for row in camkit.open_dataset(output)]
    return [
        f"Ctrl-C: exit code {code}, {kept} rows of 600 kept. The same command again: exit code "
        f"{again}, as four pictures cannot be read; {len(rows)} rows, {len(set(rows))} unique."
    ]


def speed(folder: Path, images: int) -> list[str]:
    """A loop by hand, the local engine and Ray, one after the other, on the same pictures."""
    photos = folder_of(folder / "photos", images, side=(500, 375))
    rates = {}
    for name in ("by hand", "local", "by hand again", "ray"):
        engine = name.split(" again")[0]
        rates[name] = measured(photos, folder / name, engine)
        print(name, f"{rates[name]:.1f} images/s", flush=True)
    by_hand = (rates["by hand"] * rates["by hand again"]) ** 0.5
    return [
        f"{images} JPEG files of 500 x 375, start-up apart, one worker that reads, batches of 16.",
        "",
        "| | images a second | |",
        "|---|---|---|",
        f"| a loop by hand: decode, model, Grad-CAM by hooks (half of them before, half after) | "
        f"{rates['by hand']:.1f}, {rates['by hand again']:.1f} | 1 |",
        f"| local engine | {rates['local']:.1f} | {rates['local'] / by_hand:.2f} of the loop |",
        f"| Ray, an actor on each core | {rates['ray']:.1f} | "
        f"{rates['ray'] / rates['local']:.2f} of local |",
    ]


def memory(folder: Path, images: int) -> list[str]:
    """The memory of the process and its workers after a tenth of the images, and after all."""
    photos = folder_of(folder / "photos", images, side=(64, 64))
    run = Run(photos, folder / "maps", size=64, command_line=["--memory", str(images // 10)])
    told = json.loads(run.output().splitlines()[-1])
    early, late = told["early"], told["late"]
    return [
        f"{images} pictures of 64 x 64; memory of the process and its worker (PSS).",
        "",
        f"| after {images // 10} | after {images} | |",
        "|---|---|---|",
        f"| {early / 1e6:.0f} MB | {late / 1e6:.0f} MB | {late / early - 1:+.1%} |",
    ]


def write(title: str, lines: list[str]) -> None:
    """Put a section into the page, in place of the one that was there."""
    text = PAGE.read_text() if PAGE.exists() else HEAD
    made = f"On {time.strftime('%Y-%m-%d')}, torch {torch.__version__}, {platform.machine()}, "
    section = "\n".join(["", f"## {title}", "", *lines, "", f"{made}{len(_cores())} cores.", ""])
    known = re.compile(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    if known.search(text):
        PAGE.write_text(known.sub(lambda found: section, text))
    else:
        PAGE.write_text(f"{text.rstrip()}\n{section}")


def _cores() -> Any:
    import os

    return os.sched_getaffinity(0)


COMMANDS: dict[str, tuple[str, Callable[[Path, argparse.Namespace], list[str]]]] = {
    "same": ("The same rows by both engines", lambda folder, args: same(folder)),
    "process": ("The process killed", lambda folder, args: kills(folder, "process", args.times)),
    "actor": ("An actor killed", lambda folder, args: kills(folder, "actor", args.times)),
    "driver": ("The driver killed", lambda folder, args: kills(folder, "driver", args.times)),
    "interrupt": ("Ctrl-C", lambda folder, args: interrupt(folder)),
    "speed": ("Speed", lambda folder, args: speed(folder, args.images or 5000)),
    "million": ("A million rows", lambda folder, args: million(folder, args.images or 10**6)),
    "memory": ("Memory", lambda folder, args: memory(folder, args.images or 20_000)),
}


def main() -> None:
    """Run one of the commands, print its section, and put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--images", type=int, help="how many, for speed and memory")
    parser.add_argument("--times", type=int, default=KILLS, help="how many kills of each kind")
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    args = parser.parse_args()
    title, run = COMMANDS[args.command]
    with tempfile.TemporaryDirectory() as folder:
        lines = run(Path(folder), args)
    print("\n".join(lines))
    if not args.print:
        write(title, lines)


if __name__ == "__main__":
    main()
