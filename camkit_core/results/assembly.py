"""One target explained by one method: its maps gathered over views and layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from ..inputs.targets.classification import found_logits
from ..layers.choose import TargetLayer
from ..maps import heatmaps
from ..probe.probe import Probe
from .blank_maps import blank_reasons, warn_of_blanks
from .caveats import caveats
from .explanation import Explanation
from .methods import ConfiguredMethod
from .provenance import camkit_version, plain
from .smoothing import View, mean_of_layers

Rows = tuple[tuple[Explanation, ...], ...]  # one for each target, of one for each method


class ExplanationBuilder:
    """Collects what one method says of one target.

    Args:
        method: the method.
        plain: the probe of the images as they are at the first layer, for scores and classes.
        notes: what is to be told whatever the method.
    """

    def __init__(self, method: ConfiguredMethod, plain: Probe, notes: Sequence[str] = ()) -> None:
        self.method = method
        self.plain = plain
        self.maps: dict[str, list[Tensor]] = {}
        self.seconds = 0.0  # that the method took
        self.notes = list(notes)

    def add_view(self, probe: Probe, view: View) -> None:
        """Run the method on one view of the images at one layer."""
        # The probe is shared by all methods, so each takes its notes away with it.
        probe.notes = self.notes
        start = perf_counter()
        cam = view.undo(self.method.run(probe))
        self.seconds += perf_counter() - start
        if probe.ignored_smoothing:
            probe.note(
                f"eigen smoothing did nothing: {self.method.name} does not sum over channels"
            )
        self.maps.setdefault(probe.recording.layer, []).append(cam)

    def explanation(
        self, layers: Sequence[TargetLayer], smoothing: Mapping[str, bool], guided: bool
    ) -> Explanation:
        """All of it as one explanation."""
        cam = mean_of_layers([_mean(seen) for seen in self.maps.values()])
        default = layers[0].default if layers[0].default != layers[0].name else None
        reasons = blank_reasons(cam, self.plain, default)
        details = self._guided(cam) if guided else None
        targets, recording = self.plain.targets, self.plain.recording
        logits = found_logits(recording.output)
        self.notes += caveats(recording.model, logits, targets.classes)
        return Explanation(
            cam=cam,
            logits=logits,
            target=list(targets.functions) if targets.classes is None else targets.classes,
            score=self.plain.scores,
            layer=", ".join(self.maps),
            method=self.method.name,
            adapter=layers[0].origin,
            notes=tuple(dict.fromkeys([*self.notes, *warn_of_blanks(reasons)])),
            reasons=reasons,
            images=self.plain.images,
            options=self.method.options,
            guided=details,
            provenance=_provenance(self.method, layers, smoothing),
        )

    def _guided(self, cam: Tensor) -> Tensor:
        gradients, count = self.plain.guided_gradients()
        if not count:
            self.plain.notes = self.notes
            self.plain.warn("guided no ReLU: the model has none, so this is the plain gradient")
        return gradients * heatmaps(cam, gradients.shape[2:])[:, None].to(gradients.dtype)


def assemble(
    methods: Sequence[ConfiguredMethod],
    plain: Sequence[Probe],
    seen: Iterable[tuple[View, Sequence[Probe]]],
    layers: Sequence[TargetLayer],
    notes: Sequence[str],
    smoothing: Mapping[str, bool],
    guided: bool,
) -> Rows:
    """The explanations of T targets by M methods.

    Args:
        methods: M.
        plain: T probes of the images as they are, at the first layer.
        seen: the views of the images at each layer, each with T probes.
        layers: what is explained.
        notes: what is to be told whatever the method.
        smoothing: which kinds of smoothing were asked for.
        guided: whether to compute Guided Grad-CAM, too.
    """
    builders = [[ExplanationBuilder(method, probe, notes) for method in methods] for probe in plain]
    for view, probes in seen:
        for row, probe in zip(builders, probes, strict=True):
            for builder in row:
                builder.add_view(probe, view)
    made = [[builder.explanation(layers, smoothing, guided) for builder in row] for row in builders]
    return tuple(map(tuple, made))


def _mean(maps: Sequence[Tensor]) -> Tensor:
    return maps[0] if len(maps) == 1 else torch.stack(list(maps)).mean(0)


def _provenance(
    method: ConfiguredMethod, layers: Sequence[TargetLayer], smoothing: Mapping[str, bool]
) -> dict[str, Any]:
    """Method, options, layers and versions."""
    return {
        "method": method.name,
        "method_from": method.origin,
        "options": {name: plain(value) for name, value in method.options.items()},
        "layers": [chosen.name for chosen in layers],
        "adapter": layers[0].origin,
        **smoothing,
        "camkit": camkit_version(),
        "torch": torch.__version__,
    }
