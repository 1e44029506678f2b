"""Compare the compat form with pytorch-grad-cam on random cases of model, layer, target and batch.

    python benchmarks/peer_parity.py --output docs/results/peer-parity.md
    python benchmarks/peer_parity.py --cases 12 --tiny

Each case is compared at the layer's grid, before anything is brought to [0, 1], and at the image's
size. On the CPU pytorch-grad-cam keeps the layer's output itself, not a copy: what works in place
after the layer, such as a ReLU, rewrites it. There it is compared once more, with a copy in
its place, as it is on a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer_cases import Case, build, case, reshape

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Difference:
    """How far two maps lie apart, as a share of the largest absolute value.

    Attributes:
        grid: at the layer's grid.
        image: at the image's size.
    """

    grid: float
    image: float

    @property
    def equal(self) -> bool:
        """Whether both are small."""
        return self.grid <= TOLERANCE and self.image <= TOLERANCE


def asked(library: Any, kind: str, count: int) -> Any:
    """The targets of a case, as one of the two libraries has them."""
    if kind == "None":
        return None
    if kind == "lambda":
        return [lambda output: output[1] - output[2:].mean()] * count
    targets = library.utils.model_targets
    return [getattr(targets, kind)(k % 5) for k in range(count)]


def maps(library: Any, asks: Case, copied: bool = False) -> tuple[list[Any], Any]:
    """The maps of a case: at the layer's grid, and at the image's size."""
    model = build(asks.model, asks.seed)
    x = torch.randn(asks.images, 3, *asks.size, generator=torch.Generator().manual_seed(asks.seed))
    np.random.seed(asks.seed)
    chosen = [model.get_submodule(asks.layer)]
    options: dict[str, Any] = {"num_scales": 2} if asks.method == "SESS" else {}
    options["reshape_transform"] = reshape if asks.model == "vit" else None
    if asks.method == "AblationCAM" and asks.model == "vit":
        options["ablation_layer"] = library.AblationLayerVit()
    if asks.method == "ScoreCAM" and asks.model == "vit":
        options["reshape_transform"] = reshape
    grids: list[Any] = []
    cam = getattr(library, asks.method)(model, chosen, **options)
    if copied:  # the peer's hooks keep the layer's output, and what follows gets a copy
        chosen[0].register_forward_hook(lambda module, args, output: output.clone())
    for base in bases(cam):
        spy(base, grids)
    heatmap = cam(x, targets=asked(library, asks.target, len(x)))
    return grids, heatmap


def bases(cam: Any) -> list[Any]:
    """The objects that make maps at a layer's grid."""
    inner = getattr(cam, "base_cam", None)
    return getattr(cam, "base_cam_per_layer", None) or [inner or cam]


def spy(cam: Any, grids: list[Any]) -> None:
    """Keep what `get_cam_image` of an object gives."""
    compute = cam.get_cam_image

    def kept(*args: Any, **kwargs: Any) -> Any:
        grids.append(np.asarray(compute(*args, **kwargs)))
        return grids[-1]

    cam.get_cam_image = kept


def apart(ours: Any, theirs: Any) -> Difference:
    """How far the maps of two libraries lie apart."""
    pairs = zip(ours[0], theirs[0], strict=True)
    grid = max((_apart(*pair) for pair in pairs), default=0.0)
    return Difference(grid, _apart(ours[1], theirs[1]))


def _apart(ours: Any, theirs: Any) -> float:
    size = float(np.abs(theirs).max())
    return float(np.abs(ours - theirs).max()) / size if size else float(np.abs(ours).max())


def compared(asks: Case) -> tuple[Difference, Difference | None]:
    """The difference from the peer; where it is not small, also from the peer with copies."""
    import pytorch_grad_cam as peer

    from camkit_methods.compat import pytorch_grad_cam as compat

    quiet = io.StringIO()
    with contextlib.redirect_stderr(quiet), contextlib.redirect_stdout(quiet):
        ours = maps(compat, asks)
        plain = apart(ours, maps(peer, asks))
        return plain, None if plain.equal else apart(ours, maps(peer, asks, copied=True))


ABOUT = """# Maps beside pytorch-grad-cam's

{count} random cases of model, layer, method, target and batch, made by
`python benchmarks/peer_parity.py`. Each is compared at the layer's grid, before anything is brought
to [0, 1], and at the image's size. A difference is the largest one, as a share of the map's largest
absolute value.

- **{equal}** equal pytorch-grad-cam's map to {tolerance:g}; the median difference is {grid:.1e} at
  the grid and {image:.1e} at the image's size.
- **{alias}** do not, and equal it once it keeps a copy of the activations: on the CPU it keeps the
  layer's output itself, which a later in-place ReLU rewrites. On a GPU it copies, and gives
  camkit's map.
- **{other}** differ for another reason.
"""


def page(rows: list[tuple[Case, Difference, Difference | None]]) -> str:
    """The figures, and each case that differs."""
    equal = [first for _, first, _ in rows if first.equal]
    differing = [row for row in rows if not row[1].equal]
    alias = [row for row in differing if row[2] and row[2].equal]
    about = ABOUT.format(
        count=len(rows),
        equal=len(equal),
        alias=len(alias),
        other=len(differing) - len(alias),
        tolerance=TOLERANCE,
        grid=float(np.median([each.grid for each in equal])),
        image=float(np.median([each.image for each in equal])),
    )
    table = [
        f"| {each.seed} | {each.model} | `{each.layer}` | {each.method} | {each.target} | "
        f"{first.grid:.1e} | {first.image:.1e} | {again.grid:.1e} | {again.image:.1e} |"
        for each, first, again in differing
        if again
    ]
    head = [
        "| case | model | layer | method | target | grid | image | grid, copied | image, copied |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([about, *([*head, *table, ""] if table else [])])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--first", type=int, default=0, help="the first case's seed (default: 0)")
    parser.add_argument("--tiny", action="store_true", help="small networks alone")
    parser.add_argument("--output", type=Path, help="a page, .md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for seed in range(args.first, args.first + args.cases):
        asks = case(seed, args.tiny)
        first, again = compared(asks)
        rows.append((asks, first, again))
        if again:
            print(asks, first, again, flush=True)
    text = page(rows)
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
