"""The rows of the tables of speed: what is timed beside what, and checked with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tail_runs
import torch
from contenders import TARGET, contenders, forward, scorecam_ways
from networks import NETWORKS, Network, images
from reference import ablated_scores, captured, gradient_weights, scorecam
from timing import Run, alone, timed
from torch import nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from camkit_core.plugins.method_groups import facts_of, grouped

GRADIENT_METHODS = ("gradcam", "gradcam++", "xgradcam")
METHODS = (*GRADIENT_METHODS, "ablationcam", "scorecam")
FEW: dict[str, dict[str, int]] = {  # options with which the methods of many runs take few
    "sscam": {"samples": 2},
    "iscam": {"steps": 2},
    "rise": {"samples": 64},
    "drise": {"samples": 64},
}
MEMORY_NETWORK = "resnet50"  # the peaks of every method are measured on it
PEERS = ("pytorch-grad-cam", "torch-cam", "captum")
Row = dict[str, Any]


def method_rows(
    networks: Sequence[str],
    methods: Sequence[str],
    device: str,
    repeats: int,
    channels: int,
    slow: bool,
) -> Iterator[Row]:
    """A row for each network and method.

    Args:
        networks: their names.
        methods: their names.
        device: "cpu" or "cuda".
        repeats: rounds of timing.
        channels: how many channels slow methods are checked on.
        slow: whether to time the peers' slow methods and Score-CAM, too.
    """
    for network in [NETWORKS[name] for name in networks]:
        for method in methods:
            if method == "scorecam" and not slow:
                continue
            x = images(device=device)
            runs = contenders(network, method, x)
            if method not in GRADIENT_METHODS and not slow:
                runs = {name: run for name, run in runs.items() if name not in PEERS}
            yield {
                "network": network.name,
                "method": method,
                "device": device,
                "seconds": timed(runs, repeats if method in GRADIENT_METHODS else min(repeats, 7)),
                "difference": difference(network, method, channels, device),
            }


def difference(network: Network, method: str, channels: int, device: str) -> float:
    """The largest difference to a full, unoptimised run, relative to the largest value."""
    model, x = network.build(device), images(device=device)
    if method == "scorecam":
        e = camkit.explain(model, x, method, TARGET, max_channels=channels)
        return _relative(e.cam[0], scorecam(model, network, x, channels))
    activations, gradients, score = captured(model, network, x)
    if method in GRADIENT_METHODS:
        weights = gradient_weights(method, activations, gradients)
        expected = torch.einsum("c,chw->hw", weights, activations.double())
        e = camkit.explain(model, x, method, TARGET, layer=network.layer(model))
        return _relative(e.cam[0], expected)
    some = torch.linspace(0, activations.shape[0] - 1, channels).long()
    slow = ablated_scores(model, network.layer(model), x, some)
    return _relative(_drops(model, network, x)[some], score - slow)


def _relative(values: torch.Tensor, expected: torch.Tensor) -> float:
    return float((values - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


def _drops(model: nn.Module, network: Network, x: torch.Tensor) -> torch.Tensor:
    """By how much the score falls without each channel, as Ablation-CAM has it."""
    kept: list[torch.Tensor] = []

    def drops(probe: camkit.Probe) -> torch.Tensor:
        kept.append((probe.scores[:, None] - probe.ablated_scores())[0])
        return probe.weighted_sum(kept[0][None])

    camkit.explain(model, x, drops, TARGET, network.layer(model), network.reshape)
    return kept[0]


def sharing_rows(device: str, repeats: int, channels: Sequence[str]) -> Iterator[Row]:
    """How cost grows with targets, methods, images, size and channels."""
    network = NETWORKS["resnet50"]
    model, x = network.build(device), images(device=device)
    runs: dict[str, Run] = {
        "1 target": lambda: camkit.explain(model, x, "gradcam", 3).heatmap,
        "5 targets": lambda: camkit.compare(model, x, ["gradcam"], list(range(5))),
        "20 targets": lambda: camkit.compare(model, x, ["gradcam"], list(range(20))),
        "50 targets": lambda: camkit.compare(model, x, ["gradcam"], list(range(50))),
        "3 gradient methods": lambda: camkit.compare(model, x, GRADIENT_METHODS, [3]),
    }
    yield {"what": "ResNet-50, GradCAM", "device": device, "seconds": timed(runs, repeats)}
    for count, size in [*((n, 224) for n in (1, 2, 4, 8, 16, 32)), (1, 128), (1, 320), (1, 448)]:
        batch = images(count, size, device)
        pair = {
            "forward": forward(model, batch),
            "camkit": lambda batch=batch: camkit.explain(model, batch, "gradcam", 3).heatmap,
        }
        what = f"ResNet-50, GradCAM, {count} of {size} pixels"
        seconds = timed(pair, max(3, repeats // count))
        yield {"what": what, "device": device, "seconds": seconds}
    small = NETWORKS["resnet18"].build(device)
    for layer in channels:
        count = small.get_submodule(layer)[-1].conv2.out_channels  # type: ignore[index]
        pair = {
            "forward": forward(small, x),
            "AblationCAM": lambda layer=layer: camkit.explain(small, x, "ablationcam", 3, layer),
            "ScoreCAM": lambda layer=layer: camkit.explain(small, x, "scorecam", 3, layer),
        }
        what = f"ResNet-18, {count} channels ({layer})"
        yield {"what": what, "device": device, "seconds": timed(pair, 3)}


def tail_rows(device: str) -> Iterator[Row]:
    """Whether tail runs of inner layers of timm models are exact, and how many are fast."""
    for tf32 in [False] if device == "cpu" else [False, True]:
        rows = list(tail_runs.rows(tail_runs.MODELS, 5, 0, device, tf32))
        what = "inner layers of timm models" + (", TF32" if tf32 else "")
        yield {"tails": what, "device": device, **tail_runs.summary(rows)}


def opt_in_rows(device: str) -> Iterator[Row]:
    """Score-CAM's opt-ins on ResNet-50: seconds, and how far the heatmap is off."""
    ways = scorecam_ways(NETWORKS["resnet50"], images(device=device))
    exact = ways["exact"]()
    for name, run in ways.items():
        heatmap = run()  # the first run compiles, and is not timed
        yield {
            "way": name,
            "device": device,
            "seconds": timed({"camkit": run}, 1)["camkit"]["median"],
            "difference": float((heatmap - exact).abs().max()),
        }


def memory_rows(networks: Sequence[str], device: str, slow: bool) -> Iterator[Row]:
    """Peak extra memory, a process for each cell."""
    cells = [(name, "gradcam", "1") for name in networks]
    if MEMORY_NETWORK in networks:
        cells += [(MEMORY_NETWORK, method, "1") for method in METHODS[1:4]]
        cells += [(MEMORY_NETWORK, "ablationcam", "4")]
        if slow:
            cells += [(MEMORY_NETWORK, "scorecam", "1"), (MEMORY_NETWORK, "scorecam", "4")]
    for network, method, count in cells:
        names = ["camkit"]
        if count == "1" and (slow or method in GRADIENT_METHODS):
            runs = contenders(NETWORKS[network], method, images())
            names = [name for name in runs if name in ("camkit", *PEERS)]
        peaks = {name: alone("peak", network, method, name, count, device)[0] for name in names}
        yield {
            "network": network,
            "method": method,
            "device": device,
            "images": int(count),
            "megabytes": peaks,
        }


def loop_rows(device: str) -> Iterator[Row]:
    """What 200 calls of each method leave behind."""
    for method in own_methods():
        tensors, hooks, megabytes = alone("loop", "any", method, "camkit", "1", device)
        yield {
            "loop": method,
            "device": device,
            "tensors": tensors,
            "hooks": hooks,
            "megabytes": megabytes,
        }


def own_methods() -> list[str]:
    """camkit's own methods, in the order in which they are listed."""
    rows = get_registry().contributions("method")
    groups = grouped(row for row in rows if row.distribution == "camkit")
    return [row.name for members in groups.values() for row in members]


def looped(method: str, device: str) -> tuple[nn.Module, Run]:
    """The model and the call that a loop repeats; an early layer has few channels."""
    attends = facts_of(get_registry().find("method", method)).needs == "attention"
    model = NETWORKS["deit_tiny" if attends else "resnet18"].build(device)
    layer = None if attends else "layer1"
    x = images(1, 224 if attends else 64, device)
    few = FEW.get(method, {})
    return model, lambda: camkit.explain(model, x, method, TARGET, layer, **few).heatmap
