"""Whether to trust methods on one photo: metrics, beside maps that know nothing of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from ..engine import compare
from ..errors import quietly
from ..inputs.models.load import LoadedModel
from ..loading.pictures import Photo
from ..metrics.judging.judge import told_to
from ..metrics.judging.judgement import Judgement
from ..metrics.judging.report.record import record
from ..metrics.judging.verdict import verdict
from .question import Question

# A page waits for them: the curves are of fewer steps than `camkit compare` takes.
_JUDGED: dict[str, Any] = {
    "insertion": {"steps": 12},
    "deletion": {"steps": 12},
    "average_drop": {},
    "area": {},
}
_WITHOUT_PROBABILITIES: dict[str, Any] = {"sensitivity": {}, "area": {}}  # as of texts and masks
# About how long each takes for one map, in runs of the model.
_RUNS = {"insertion": 13, "deletion": 13, "average_drop": 1, "area": 0, "sensitivity": 20}


class Judging:
    """Judges methods on photos. One thread at a time may ask for a verdict.

    Args:
        loaded: the model.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self._now: dict[str, Any] = {}

    def verdict(self, asked: Question, picture: Photo) -> dict[str, Any]:
        """What metrics say of the methods on a photo, beside maps that know nothing of it."""
        few = self.loaded.task in ("segmentation", "text-image")
        metrics = _WITHOUT_PROBABILITIES if few else _JUDGED
        with quietly(), self._followed([_RUNS[name] for name in metrics]):
            comparison = compare(
                self.loaded,
                picture,
                asked.methods,
                [asked.target],
                asked.layer,
                metrics=metrics,
                **asked.options,
            )
        assert comparison.judgement is not None  # there are metrics
        return _told(comparison.judgement)

    def progress(self) -> dict[str, Any]:
        """Of a verdict that is being made: steps `done` of `total`, `what` is measured, `seconds`.

        `share` is that of the work that is done, since some steps take longer than others.
        Any thread may ask; it is empty while no verdict is made.
        """
        now = self._now
        return {**now, "seconds": perf_counter() - now["start"]} if now else {}

    @contextmanager
    def _followed(self, runs: Sequence[int]) -> Iterator[None]:
        start = perf_counter()

        def tell(done: int, total: int, what: str) -> None:
            step = {"done": done, "total": total, "what": what.replace("_", " ")}
            self._now = {**step, "share": _share(done, total, runs), "start": start}

        token = told_to.set(tell)
        try:
            yield
        finally:
            told_to.reset(token)
            self._now = {}


def _share(done: int, total: int, runs: Sequence[int]) -> float:
    """The share of the runs that are made; of one metric after the other, for all maps each."""
    maps = total // len(runs)
    whole, part = divmod(done, maps)
    return (maps * sum(runs[:whole]) + part * sum(runs[whole : whole + 1])) / (maps * sum(runs))


def _told(judgement: Judgement) -> dict[str, Any]:
    numbers = record(judgement)
    return {
        "verdict": list(verdict(judgement)),
        "makers": [
            {"name": each["name"], "baseline": each["baseline"]} for each in numbers["makers"]
        ],
        "metrics": [
            {
                "name": each["name"],
                "higher_is_better": each["higher_is_better"],
                "ranks": each["ranks"],
                "values": {name: row["mean"] for name, row in each["results"].items()},
            }
            for each in numbers["metrics"]
        ],
    }
