"""A million rows with random maps: how long opening, filtering and the report take, and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from camkit_core.datasets import manifest
from camkit_core.datasets.schema import rows
from camkit_core.datasets.shards import ROWS, ShardWriter

CLASSES, SIDE, PART = 1000, 7, 1_000
# Each step in a process of its own, so that its peak of memory is its own.
STEPS = {
    "opening": "maps = camkit.open_dataset(folder); len(maps)",
    "filtering": "maps = camkit.open_dataset(folder); "
    "len(maps.filter((pc.field('label') != pc.field('top_class')) & "
    "(pc.field('top_probability') > 0.9)))",
    "report": "camkit.dataset_report(folder, folder + '/report.html')",
    "report, torch loaded": "import torch; camkit.dataset_report(folder, folder + '/report.html')",
    "as .npz": "camkit.export_dataset(folder, folder + '/maps.npz')",
}
# The peak is VmHWM: that of getrusage contains what the process that started this one had.
_RUN = """
import json, re, sys, time
import camkit_core as camkit, pyarrow.compute as pc
folder, start, cpu = sys.argv[1], time.perf_counter(), time.process_time()
{step}
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
print(json.dumps([time.perf_counter() - start, time.process_time() - cpu, peak]))
"""


def million(folder: Path, count: int) -> list[str]:
    """The lines of a table: each step with its time and its peak of memory."""
    lines = ["| shards | step | seconds | of CPU | peak of memory |", "|---|---|---|---|---|"]
    steps = {ROWS: STEPS, count // 10: _REPORT, count // 1000: _REPORT}
    sizes = {}
    for rows_of_shard, chosen in steps.items():
        place = folder / str(rows_of_shard)
        place.mkdir()
        made(place, count, rows_of_shard)
        shards = list(place.glob("*.parquet"))
        sizes[len(shards)] = sum(path.stat().st_size for path in shards)
        lines += [f"| {len(shards):,} | {_measured(name, place)} |" for name in chosen]
    told = f"{count:,} rows of {CLASSES} classes with random maps of {SIDE} x {SIDE}"
    page = (place / "report.html").stat().st_size / 1e6
    each = ", ".join(f"{size / count:.0f} in {number:,} shards" for number, size in sizes.items())
    finer = _bytes_of_a_row(folder / "finer", 14)
    other = (
        "Seconds contain what other work on the machine took, those of CPU do not. Memory is that "
        "of the whole process, libraries included."
    )
    return [
        *lines, "", f"{told}; the page has {page:.1f} MB. {other}", "",
        f"Bytes of a row: {each}; with maps of 14 x 14, {finer:.0f}. So ten million take "
        f"{sizes[-(-count // ROWS)] / count / 100:.1f} and {finer / 100:.1f} GB.",
    ]  # fmt: skip


def _bytes_of_a_row(folder: Path, side: int, count: int = 20_000) -> float:
    folder.mkdir()
    made(folder, count, side=side)
    return sum(path.stat().st_size for path in folder.glob("*.parquet")) / count


_REPORT = ("opening", "filtering", "report")


def _measured(name: str, folder: Path) -> str:
    words = [sys.executable, "-c", _RUN.format(step=STEPS[name]), str(folder)]
    answer = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    seconds, cpu, peak = json.loads(answer.splitlines()[-1])
    return f"{name} | {seconds:.1f} | {cpu:.1f} | {peak / 1e6:.0f} MB"


def made(folder: Path, count: int, rows_of_shard: int = ROWS, side: int = SIDE) -> None:
    """Write rows with random maps, a tenth of them mistakes."""
    manifest.agree(folder, {"model": "simulated"})
    rng = np.random.default_rng(0)
    with ShardWriter(folder, lambda: {"model": "simulated"}, most_rows=rows_of_shard) as writer:
        for start in range(0, count, PART):
            writer.add(_shard(rng, start, min(PART, count - start), side))


def _shard(rng: np.random.Generator, start: int, count: int, side: int):  # type: ignore[no-untyped-def]
    label = (np.arange(count) + start) % CLASSES
    answer = np.where(rng.random(count) < 0.1, (label + 1) % CLASSES, label)
    names, sure = [f"class {each}" for each in answer], rng.random(count).tolist()
    maps = rng.uniform(-1, 1, (count, side * side)).astype(np.float16)
    fixed = {"target": "top1", "method": "gradcam", "layer": "layer4", "options": "{}"}
    return rows(
        {
            "id": [f"{(start + row) // 1000:05d}/{row % 1000:03d}.jpg" for row in range(count)],
            **{name: [value] * count for name, value in fixed.items()},
            "class_index": answer.tolist(), "class_name": names, "top_class": answer.tolist(),
            "top_name": names, "top_probability": sure, "probability": sure,
            "score": rng.normal(5, 2, count).tolist(), "label": label.tolist(),
            "label_name": [f"class {each}" for each in label], "map": list(maps),
            "scale": [1.0] * count, "grid": [[side, side]] * count,
            "input_size": [[224, 224]] * count, "notes": [[]] * count, "seconds": [0.01] * count,
        }
    )  # fmt: skip
