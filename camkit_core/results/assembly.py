"""Explanations put together: the maps of each target and method, over all views and layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from ..inputs.models.class_names import fit, names_in
from ..inputs.seen import once
from ..inputs.targets.classification import found_logits
from ..inputs.targets.found import where_scores_are
from ..maps import heatmaps
from ..probe.further.concepts import Concepts
from ..probe.further.configured_method import ConfiguredMethod
from ..probe.probe import Probe
from ..probe.touching import NOTE as TOUCHING
from ..target_layer.choose import TargetLayer
from .blank_maps import blank_reasons, warn_of_blanks, without_undefined
from .boxes import boxes_of
from .caveats import caveats
from .explanation import Explanation
from .levels import shares_of, weighted_levels
from .provenance import of_levels, of_method, of_output
from .readings import readings
from .smoothing import View, joined_layers, mean_of_views

Rows = tuple[tuple[Explanation, ...], ...]  # a row for each target, a column for each method


class ExplanationBuilder:
    """Gathers the maps that one method makes for one target, and makes an explanation of them.

    Args:
        method: the method.
        plain: the probe of the images as they are at the first layer, for scores and classes.
        notes: what the reader should know whatever the method.
    """

    def __init__(self, method: ConfiguredMethod, plain: Probe, notes: Sequence[str] = ()) -> None:
        self.method = method
        self.plain = plain
        self.maps: dict[str, list[Tensor]] = {}
        self.levels: Sequence[Probe] = ()  # of a pyramid, with their first view of the images
        self.shares: list[Tensor] = []  # (L, N) for each view: what each level contributes
        self.seconds = 0.0  # taken by the method
        self.concepts: list[Concepts] = []  # of each layer and view, from methods that give some
        self.notes = list(notes)

    def add_view(self, levels: Sequence[Probe], view: View) -> None:
        """Run the method on one view of the images: at one layer, or at a pyramid's levels."""
        if len(levels) == 1:
            return self._add(levels[0], view)
        shares = shares_of(levels, self.method.facts.needs_class)
        self.shares.append(shares)
        self.levels = self.levels or levels
        # What reads no layer is run once, and of a level without a share nothing is asked.
        once = not self.method.facts.reads_layer
        for probe, share in zip(levels[:1] if once else levels, shares, strict=False):
            if once or bool(share.any()):
                self._add(probe, view)
            else:
                nothing = torch.zeros_like(probe.activations[:, 0])
                self.maps.setdefault(probe.recording.layer, []).append(nothing)
        return None

    def _add(self, probe: Probe, view: View) -> None:
        given = probe.for_method(self.notes, self.method.is_camkits_own)
        start = perf_counter()
        cam = view.undo(self.method.run(given))
        self.seconds += perf_counter() - start
        if given.concepts is not None:
            self.concepts.append(given.concepts)
        if given.ignored_smoothing:
            given.note(
                f"eigen smoothing did nothing: {self.method.name} does not sum over channels"
            )
        self.maps.setdefault(probe.recording.layer, []).append(cam)

    def _joined(self, fuse: str) -> Tensor:
        """The maps of all views and layers as one."""
        maps = [mean_of_views(maps) for maps in self.maps.values()]
        if not self.shares or len(maps) == 1:
            return joined_layers(maps, fuse)
        return weighted_levels(maps, mean_of_views(self.shares), fuse)

    def explanation(
        self, layers: Sequence[TargetLayer], smoothing: Mapping[str, Any], guided: bool
    ) -> Explanation:
        """The explanation made of all views so far."""
        cam = self._joined(smoothing.get("fuse_layers", "mean"))
        logits = found_logits(self.plain.recording.output, len(cam))
        read = readings(cam, self.plain.scores, logits)
        if not all(map(math.isfinite, read.scores)):
            cam = without_undefined(cam, self.plain)
            read = readings(cam, self.plain.scores, logits)
        default = layers[0].default if layers[0].default != layers[0].name else None
        reasons = blank_reasons(read.ranges, self.levels or [self.plain], default)
        guided_gradcam = self._guided_gradcam(cam) if guided else None
        targets, recording = self.plain.targets, self.plain.recording
        where = where_scores_are(recording.output)
        self.notes += caveats(recording.model, logits, targets.classes, read.best, where)
        self.notes += targets.notes
        if self.plain.images_touch:
            self.notes.append(TOUCHING)
        concepts = self._concepts()
        return Explanation(
            cam=cam,
            logits=None if logits is None else logits.detach(),
            target=list(targets.functions) if targets.classes is None else targets.classes,
            score=self.plain.scores,
            layer=", ".join(dict.fromkeys(layer.name for layer in layers)),
            method=self.method.name,
            adapter=layers[0].origin,
            notes=tuple(dict.fromkeys([*self.notes, *warn_of_blanks(reasons)])),
            reasons=reasons,
            images=recording.images,
            options=dict(self.method.options),
            guided=guided_gradcam,
            class_names=_class_names(recording.model, logits),
            provenance=of_method(self.method, layers, smoothing)
            | of_output(recording)
            | of_levels(layers, self.shares),
            boxes=boxes_of(recording),
            concepts=concepts,
        )

    def _concepts(self) -> Concepts | None:
        """The concepts of the only layer and view; those of several have nothing to do together."""
        if len(self.concepts) > 1:
            self.notes.append(
                f"{self.method.name} found other concepts at each layer and in each view of the "
                f"images; there are no concepts of all of them"
            )
        return self.concepts[0] if len(self.concepts) == 1 else None

    def _guided_gradcam(self, cam: Tensor) -> Tensor:
        gradients, count = self.plain.guided_gradients()
        if not count:
            self.plain.notes = self.notes
            self.plain.warn(self.plain.guided_account())
        return gradients * heatmaps(cam, gradients.shape[2:])[:, None].to(gradients.dtype)


def _class_names(model: nn.Module, logits: Tensor | None) -> tuple[str, ...] | None:
    """The names that the model carries, if there is one for each of its scores (N, K)."""
    names = once(model, "class names", lambda: names_in(model))
    return names if names and (logits is None or fit(names, logits.shape[1])) else None


def assemble(
    methods: Sequence[ConfiguredMethod],
    plain: Sequence[Probe],
    views: Iterable[tuple[View, Sequence[Sequence[Probe]]]],
    layers: Sequence[TargetLayer],
    notes: Sequence[str],
    smoothing: Mapping[str, Any],
    guided: bool,
) -> Rows:
    """The explanations of T targets by M methods.

    Args:
        methods: M.
        plain: T probes of the images as they are, at the first layer.
        views: the views of the images, each with T probes at one layer, or at each level of a
            pyramid.
        layers: the target layers.
        notes: what the reader should know whatever the method.
        smoothing: which kinds of smoothing were asked for, and `fuse_layers` where it is not the
            mean.
        guided: whether to compute Guided Grad-CAM, too.
    """
    builders = [[ExplanationBuilder(method, probe, notes) for method in methods] for probe in plain]
    for view, levels in views:
        for row, *probes in zip(builders, *levels, strict=True):
            for builder in row:
                builder.add_view(probes, view)
    return tuple(
        tuple(builder.explanation(layers, smoothing, guided) for builder in row) for row in builders
    )
