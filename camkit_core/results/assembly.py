"""One target explained by one method: its maps gathered over views and layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from ..inputs.targets.classification import found_logits
from ..layers.choose import Chosen
from ..maps import heatmaps
from ..probe.probe import Probe
from .blank_maps import blank_reasons, warn_of_blanks
from .caveats import doubts
from .explanation import Explanation
from .methods import Plan
from .provenance import camkit_version, plain
from .smoothing import View, mean_of_layers


class Answer:
    """Collects what one method says of one target.

    Args:
        plan: the method.
        plain: the probe of the images as they are at the first layer, for scores and classes.
        notes: what is to be told whatever the method.
    """

    def __init__(self, plan: Plan, plain: Probe, notes: Sequence[str] = ()) -> None:
        self.plan = plan
        self.plain = plain
        self.maps: dict[str, list[Tensor]] = {}
        self.seconds = 0.0  # that the method took
        self.notes = list(notes)

    def ask(self, probe: Probe, view: View) -> None:
        """Run the method on one view of the images at one layer."""
        # The probe is shared by all methods, so each takes its notes away with it.
        probe.notes = self.notes
        start = perf_counter()
        cam = view.undo(self.plan.run(probe))
        self.seconds += perf_counter() - start
        if probe.ignored_smoothing:
            probe.note(f"eigen smoothing did nothing: {self.plan.name} does not sum over channels")
        self.maps.setdefault(probe.recording.layer, []).append(cam)

    def explanation(
        self, layers: Sequence[Chosen], smoothing: Mapping[str, bool], guided: bool
    ) -> Explanation:
        """All of it as one explanation."""
        cam = mean_of_layers([_mean(seen) for seen in self.maps.values()])
        default = layers[0].default if layers[0].default != layers[0].name else None
        reasons = blank_reasons(cam, self.plain, default)
        details = self._guided(cam) if guided else None
        targets, recording = self.plain.targets, self.plain.recording
        logits = found_logits(recording.output)
        self.notes += doubts(recording.model, logits, targets.classes)
        return Explanation(
            cam=cam,
            logits=logits,
            target=list(targets.functions) if targets.classes is None else targets.classes,
            score=self.plain.scores,
            layer=", ".join(self.maps),
            method=self.plan.name,
            adapter=layers[0].origin,
            notes=tuple(dict.fromkeys([*self.notes, *warn_of_blanks(reasons)])),
            reasons=reasons,
            images=self.plain.images,
            options=self.plan.options,
            guided=details,
            provenance=_provenance(self.plan, layers, smoothing),
        )

    def _guided(self, cam: Tensor) -> Tensor:
        gradients, count = self.plain.guided_gradients()
        if not count:
            self.plain.notes = self.notes
            self.plain.warn("guided no ReLU: the model has none, so this is the plain gradient")
        return gradients * heatmaps(cam, gradients.shape[2:])[:, None].to(gradients.dtype)


def _mean(maps: Sequence[Tensor]) -> Tensor:
    return maps[0] if len(maps) == 1 else torch.stack(list(maps)).mean(0)


def _provenance(
    plan: Plan, layers: Sequence[Chosen], smoothing: Mapping[str, bool]
) -> dict[str, Any]:
    """Method, options, layers and versions."""
    return {
        "method": plan.name,
        "method_from": plan.origin,
        "options": {name: plain(value) for name, value in plan.options.items()},
        "layers": [chosen.name for chosen in layers],
        "adapter": layers[0].origin,
        **smoothing,
        "camkit": camkit_version(),
        "torch": torch.__version__,
    }
