"""Random calls, command lines, pictures, checkpoints and plugins: what comes of each.

    python benchmarks/hostile.py --output docs/results    the long run, four minutes
    python benchmarks/hostile.py checkpoints --count 500 --seed 3

Prints how often each outcome came, and each fault once with the shortest input that has it. Nothing
but camkit's own errors and the exit codes 0, 1 and 2 may come of anything. A part of the inputs is
tried by the tests, in `tests/properties/test_random_inputs.py`.
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from random_inputs import api_calls, checkpoints, command_lines, pictures, plugin_results

ENTRANCES: dict[str, tuple[ModuleType, int, str]] = {
    "api_calls": (api_calls, 10_000, "calls of `explain`, `compare` and `layers`"),
    "command_lines": (command_lines, 2_000, "command lines"),
    "pictures": (pictures, 2_000, "damaged picture files"),
    "checkpoints": (checkpoints, 2_000, "damaged, foreign and hostile checkpoints"),
    "plugin_results": (plugin_results, 2_000, "plugins that give, raise or edit anything"),
}


@dataclass
class Tally:
    """How often each outcome came, and for each fault the input whose text is shortest."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def tallied(entrance: ModuleType, count: int, number: int) -> Tally:
    """The outcomes of `count` random inputs of an entrance."""
    tally = Tally()

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(entrance.inputs())
    def each(value: Any) -> None:
        try:
            name = entrance.tried(value)
        except (Exception, SystemExit) as error:
            if type(error).__module__.startswith("hypothesis"):
                raise
            name = "fault"
            where, text = _place(error), _text(value)
            tally.faults[where] = min(tally.faults.get(where, text), text, key=len)
        tally.outcomes[name] += 1

    start = time.perf_counter()
    each()
    tally.seconds = time.perf_counter() - start
    return tally


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    within = [each for each in frames if "camkit_" in each.filename] or frames
    return f"{type(error).__name__} at {Path(within[-1].filename).name}:{within[-1].lineno}"


def _text(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - some values have no text
        return "a value without a text"


def markdown(tallies: dict[str, Tally], number: int) -> str:
    """The page of the long run."""
    lines = [
        "# Random and hostile inputs",
        "",
        "What came of random inputs of each kind. Made by "
        f"`python benchmarks/hostile.py --output docs/results`, seed {number}, on "
        f"{date.today()} with torch {torch.__version__.partition('+')[0]}.",
        "",
        "| inputs | tried | faults | outcomes | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, tally in tallies.items():
        outcomes = ", ".join(f"{key} {n:,}" for key, n in tally.outcomes.most_common())
        faults, total = tally.outcomes["fault"], tally.outcomes.total()
        row = ENTRANCES[name][2], f"{total:,}", faults, outcomes, f"{tally.seconds:.0f}"
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entrances", nargs="*", metavar="ENTRANCE", help=", ".join(ENTRANCES))
    parser.add_argument("--count", type=int, help="inputs of each (2,000 to 10,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for hostile.md")
    args = parser.parse_args()
    if unknown := set(args.entrances) - set(ENTRANCES):
        parser.error(f"no entrance {', '.join(unknown)}; there are {', '.join(ENTRANCES)}")
    torch.set_num_threads(1)
    tallies = {}
    for name in args.entrances or ENTRANCES:
        module, usual, _ = ENTRANCES[name]
        tallies[name] = tally = tallied(module, args.count or usual, args.seed)
        print(f"{name}: {tally.seconds:.0f} s, {dict(tally.outcomes.most_common())}", flush=True)
        for where, value in tally.faults.items():
            print(f"  {where}: {value[:400]}", flush=True)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "hostile.md").write_text(markdown(tallies, args.seed))


if __name__ == "__main__":
    main()
