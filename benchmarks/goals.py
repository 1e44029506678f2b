"""The goals of speed and memory on a CPU, and what the benchmark's rows reach of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tables import GRADIENT_METHODS, Row

Goal = tuple[str, str, str]  # what, the goal, what was reached
Methods = dict[tuple[str, str], Row]  # the rows of the table of methods, by network and method
LEFT = ("tensors", "hooks", "megabytes")  # what a loop may leave behind
ABLATION = {"resnet50": 1.5, "densenet161": 4, "mnasnet1_0": 4, "vgg16": 4}  # forward passes


def goals(report: Row) -> Iterator[Goal]:
    """Each goal, with what was reached; goals without a row are left out."""
    rows = {
        part: [row for row in report[part] if row["device"] == "cpu"]
        for part in ("methods", "sharing", "opt_ins", "tails", "loops", "memory")
    }
    methods = {(row["network"], row["method"]): row for row in rows["methods"]}
    for network in dict.fromkeys(name for name, _ in methods):
        yield from _gradient_methods(network, methods)
    yield from _sharing(rows["sharing"])
    yield from _ablation(methods)
    yield from _scorecam(methods, rows["opt_ins"])
    for row in rows["tails"]:
        yield f"tail runs, {row['tails']}", "all exact, 95 % by the fast way", exact_tails(row)
    yield from _loops(rows["loops"])
    yield from _memory(rows["memory"])


def _gradient_methods(network: str, methods: Methods) -> Iterator[Goal]:
    rows = [methods[network, name] for name in GRADIENT_METHODS if (network, name) in methods]
    if not rows:
        return
    reached = ", ".join(f"{ratio(row, 'camkit', 'ideal'):.2f}" for row in rows)
    yield f"GradCAM, GradCAM++, XGradCAM, {network}", "at most 1.15 × ideal", reached
    least = "1.6" if network == "deit_tiny" else "2.0"
    reached = ", ".join(f"{ratio(row, 'pytorch-grad-cam', 'camkit'):.1f}" for row in rows)
    yield "", f"{least} × faster than pytorch-grad-cam", reached
    pairs = [(row, peer) for row in rows for peer in ("torch-cam", "captum")]
    beside = [_beside(row, peer) for row, peer in pairs if peer in row["seconds"]]
    if beside:
        yield "", "not slower than others", ", ".join(beside)


def _sharing(rows: Sequence[Row]) -> Iterator[Goal]:
    for seconds in [row["seconds"] for row in rows if "20 targets" in row["seconds"]][:1]:
        single = seconds["1 target"]["median"]
        reached = f"{seconds['20 targets']['median'] / single:.2f}"
        yield "20 targets, ResNet-50", "at most 1.5 × one", reached
        reached = f"{seconds['3 gradient methods']['median'] / single:.2f}"
        yield "three gradient methods, ResNet-50", "at most 1.1 × one", reached


def _ablation(methods: Methods) -> Iterator[Goal]:
    for network, most in ABLATION.items():
        if row := methods.get((network, "ablationcam")):
            reached = f"{ratio(row, 'camkit', 'forward'):.2f}"
            yield f"AblationCAM, {network}", f"at most {most} forward passes", reached
            if network == "resnet50" and "pytorch-grad-cam" in row["seconds"]:
                reached = f"{ratio(row, 'pytorch-grad-cam', 'camkit'):,.0f}"
                yield "", "1,500 × faster than pytorch-grad-cam", reached
    for network in ("deit_tiny", "vit_b_16"):
        if row := methods.get((network, "ablationcam")):
            reached = f"{ratio(row, 'camkit', 'by hand'):.2f}"
            yield f"AblationCAM, {network}", "at most 1.1 × by hand", reached


def _scorecam(methods: Methods, opt_ins: Sequence[Row]) -> Iterator[Goal]:
    row = methods.get(("resnet50", "scorecam"))
    if not row or "pytorch-grad-cam" not in row["seconds"]:
        return
    reached = f"{ratio(row, 'pytorch-grad-cam', 'camkit'):.2f}"
    yield "ScoreCAM, ResNet-50, exact", "1.5 × faster than pytorch-grad-cam", reached
    peer = row["seconds"]["pytorch-grad-cam"]["median"]
    for way in opt_ins[-1:]:
        reached = f"{peer / way['seconds']:.1f}, {way['difference']:.3f}"
        yield "ScoreCAM, ResNet-50, all opt-ins", "4 × faster, heatmap within 0.02", reached


def _loops(rows: Sequence[Row]) -> Iterator[Goal]:
    if rows:
        left = (f"{max(row[key] for row in rows):+.1f} {key}" for key in LEFT)
        yield f"200 calls of each of {len(rows)} methods", "nothing left", ", ".join(left)


def _memory(rows: Sequence[Row]) -> Iterator[Goal]:
    for row in rows:
        if row["method"] in ("ablationcam", "scorecam") and row["images"] == 1:
            reached = f"{row['megabytes']['camkit']:.0f} MB"
            yield f"memory, {row['method']}, {row['network']}", "at most 350 MB", reached


def ratio(row: Row, run: str, other: str) -> float:
    """How many times as long one run takes as another."""
    return float(row["seconds"][run]["median"] / row["seconds"][other]["median"])


def exact_tails(row: Row) -> str:
    """How many layers were exact, and the share that was fast."""
    exact = f"{row['exact']} of {row['layers']} of {row['models']} models exact"
    return f"{exact}, {row['fast'] / row['layers']:.1%} fast"


def _beside(row: Row, peer: str) -> str:
    """How many times as long camkit takes as a peer, and whether that is more than noise."""
    camkit, other = row["seconds"]["camkit"], row["seconds"][peer]
    beyond = ", beyond noise" if camkit["low"] > other["high"] else ""
    return f"{ratio(row, 'camkit', peer):.2f} ({peer}{beyond})"
