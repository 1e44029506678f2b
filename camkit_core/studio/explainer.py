"""The model of the studio, and its answers: raw maps and numbers, which the browser draws."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from time import perf_counter
from typing import Any

from ..engine import explain
from ..errors import quietly
from ..inputs.models.class_names import names_in
from ..inputs.models.load import LoadedModel
from ..loading.asked import asked_of
from ..plugins import get_registry
from ..plugins.method_groups import facts_of, grouped
from ..results.explanation import Explanation
from ..results.kept_passes import KeptPasses, keeping
from ..results.viewer.record import best_classes, map_record, plain
from ..target_layer.listing import layers
from .code import ModelCode, as_command, as_python
from .judging import Judging
from .photos import Photos, photo
from .question import QUICK, Question

KEPT = 4  # photos whose forward passes are kept
_TOLD = ("segmentation", "text-image")  # tasks of models that are told what to look for


class Explainer:
    """Answers questions about photos by one model. One thread at a time may ask.

    The forward pass of a photo is kept, so further classes and methods do not run the model again.

    Args:
        loaded: the model.
        photos: that may be asked about.
        code: how a program loads the model.

    Attributes:
        judging: gives verdicts, and says how far it is with one.
    """

    def __init__(self, loaded: LoadedModel, photos: Photos, code: ModelCode) -> None:
        self.loaded, self.photos, self.code = loaded, photos, code
        self._passes: OrderedDict[Hashable, KeptPasses] = OrderedDict()
        self._layers: dict[str, Any] = {}
        self.judging = Judging(loaded)

    def about(self) -> dict[str, Any]:
        """What the page says of the model, its classes and the methods."""
        return {
            "model": self.loaded.name,
            "weights": self.loaded.weights,
            "task": self.loaded.task,
            "classes": self._names(),
            "methods": _methods(),
            "notes": list(self.loaded.notes),
        }

    def answer(self, asked: Question) -> dict[str, Any]:
        """The first method's map for the target: see `map_record`; and the photo's best classes."""
        start = perf_counter()
        explanation = self._explained(asked)
        embeds = self.loaded.task == "text-image"  # what it gives are no scores of classes
        logits = None if explanation.logits is None or embeds else explanation.logits[0]
        assert explanation.originals is not None  # it was given a picture
        height, width = explanation.originals[0].pixels.shape[:2]
        return {
            **map_record(explanation),
            **self._mask(asked),
            "size": [width, height],
            "best": best_classes(logits, explanation.class_names) or _boxes(explanation),
            "share": _share(explanation, logits),
            "options": plain(QUICK.get(asked.methods[0], {})),
            "seconds": perf_counter() - start,
        }

    def warm_up(self) -> None:
        """Explain the first photo as the page does when it opens; its forward pass is kept."""
        first = next(iter(self.photos.given), None)
        if first is not None and self.loaded.task not in _TOLD:
            self.answer(Question(first))

    def file(self, asked: Question, path: Any) -> None:
        """Write the first method's raw values to a `.npz` file."""
        self._explained(asked).save(path)

    def layers(self, asked: Question) -> dict[str, Any]:
        """The layers that can be explained, from the first to the last; of the model, not a photo.

        Of a block and its parts, the block; a layer that the model's own choice names is there.
        """
        if not self._layers:
            inputs = self.loaded.preprocess(photo(self.photos[asked.photo]).pixels)[None]
            parameter = next(self.loaded.model.parameters(), inputs)
            found = layers(self.loaded.model, inputs.to(parameter.device))
            self._layers = {"choice": found.choice, "layers": _stages(found)}
        return self._layers

    def trust(self, asked: Question) -> dict[str, Any]:
        """What metrics say of the methods on this photo, beside maps that know nothing of it."""
        return self.judging.verdict(asked, photo(self.photos[asked.photo], asked.painted))

    def programs(self, asked: Question) -> dict[str, str]:
        """What gives the same maps outside of the page: as Python, and as a command."""
        source, names, task = self.photos[asked.photo], self._names(), self.loaded.task
        return {
            "python": as_python(asked, source, self.code, names, task),
            "command": as_command(asked, source, self.code, task),
        }

    def _explained(self, asked: Question) -> Explanation:
        picture = photo(self.photos[asked.photo], asked.painted)
        with quietly(), keeping(self._kept((asked.photo, asked.painted))):
            return explain(
                self.loaded,
                picture,
                asked.methods[0],
                asked.target,
                asked.layer,
                **QUICK.get(asked.methods[0], {}),
            )

    def _kept(self, key: Hashable) -> KeptPasses:
        passes = self._passes[key] = self._passes.pop(key) if key in self._passes else KeptPasses()
        while len(self._passes) > KEPT:
            self._passes.popitem(last=False)
        return passes

    def _mask(self, asked: Question) -> dict[str, str]:
        """The class whose mask is explained, by name; nothing for another target."""
        category = getattr(asked_of(self.loaded, asked.target), "category", None)
        if self.loaded.task != "segmentation" or category is None:
            return {}
        names = self._names()
        return {"class": names[category] if category < len(names) else f"class {category}"}

    def _names(self) -> list[str]:
        return list(self.loaded.class_names or names_in(self.loaded.model) or ())


def _methods() -> list[dict[str, Any]]:
    """The methods by group, with what the page says of them; none that takes minutes."""
    groups = grouped(get_registry().contributions("method"))
    return [
        {
            "name": method.name,
            "group": group,
            "summary": method.summary,
            "cost": facts_of(method).cost,
            "needs_class": facts_of(method).needs_class,
            "quick": plain(QUICK.get(method.name, {})),
        }
        for group, members in groups.items()
        for method in members
        if not method.status and not (facts_of(method).costly and method.name not in QUICK)
    ]


def _stages(found: Any) -> list[dict[str, str]]:
    """The layers that pass all tests, without the parts of those that pass, too."""
    rows = [row for row in found if not row.reason]
    names = {row.name for row in rows}
    return [
        {"name": row.name, "layout": row.layout}
        for row in rows
        if row.chosen or not any(row.name.startswith(f"{name}.") for name in names)
    ]


def _boxes(explanation: Explanation) -> list[dict[str, Any]]:
    """A detector's best boxes, as targets."""
    found = map_record(explanation)["boxes"]
    return [
        {"target": f":{number}", "class": box["name"], "score": box["score"], "share": box["score"]}
        for number, box in enumerate(found[:5])
    ]


def _share(explanation: Explanation, logits: Any) -> float | None:
    """The probability of the class that is explained, where it is one."""
    if logits is None or not hasattr(explanation.target, "tolist"):
        return None
    number = int(explanation.target[0])
    shares: Mapping[Any, float] = {
        each["target"]: each["share"] for each in best_classes(logits, None, len(logits))
    }
    share = shares.get(number, math.nan)
    return share if math.isfinite(share) else None
