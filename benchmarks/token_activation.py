"""The token-activation idea (arXiv 2506.23270) beside Grad-CAM, where the place is known.

Its map of a token is what the image's own tokens say of it: their logits. From it, the mean map of
the text's other tokens is taken away, as far as it resembles it, and a filter over ranks smooths
it. Run it with the tests' helpers: `PYTHONPATH=tests python benchmarks/token_activation.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import TokenTarget
from helpers import language

DRAWS = 100


def activation_maps(
    planted: language.Planted, inputs: dict[str, Tensor], token: int
) -> dict[str, Tensor]:
    """The maps (N, h, w) of a token that is generated next, after each of three steps."""
    with torch.no_grad():
        logits = planted.model(**inputs).logits
    ids = inputs["input_ids"]
    image = ids[0] == language.IMAGE
    of_image = logits[:, image]
    raw = of_image[..., token].relu()
    context = [int(each) for each in ids[0][~image].unique() if int(each) != token]
    others = of_image[..., context].relu()
    # How much each of the other tokens says of this one: their own logit of it.
    positions = torch.tensor([int((ids[0] == each).nonzero()[0]) for each in context])
    weights = logits[:, positions, token].relu()
    mixed = (others * weights[:, None]).sum(2) / weights.sum(1, keepdim=True).clamp(min=1e-12)
    scale = (raw * mixed).sum(1, keepdim=True) / mixed.square().sum(1, keepdim=True).clamp(
        min=1e-12
    )
    kept = (raw - scale.clamp(min=0) * mixed).relu()
    raw, kept = (maps.view(len(maps), *planted.grid) for maps in (raw, kept))
    return {"logits": raw, "less the context": kept, "filtered": rank_gaussian(kept)}


def rank_gaussian(maps: Tensor) -> Tensor:
    """Each value as a mean of its 3 by 3 neighbours, weighted by their rank about the median."""
    padded = torch.nn.functional.pad(maps[:, None], (1, 1, 1, 1), mode="reflect")
    windows = torch.nn.functional.unfold(padded, 3).sort(1).values
    ranks = torch.arange(9.0)[:, None] - 4
    spread = windows.std(1, keepdim=True) / windows.mean(1, keepdim=True).clamp(min=1e-12)
    weights = torch.exp(-ranks.square() / (2 * spread.clamp(min=1e-3).square()))
    return (windows * weights).sum(1).div(weights.sum(1)).view(maps.shape)


def found(maps: Tensor, places: Tensor) -> int:
    """How many maps have their maximum at their place."""
    return int((maps.flatten(1).argmax(1) == places).sum())


def hits(planted: language.Planted, draws: int = DRAWS) -> dict[str, int]:
    """Of how many draws each way finds the place of the word RED."""
    pictures, red, _ = planted.draws(draws)
    inputs = planted.inputs(pictures)
    target: Any = TokenTarget(-1, language.RED)
    cam = camkit.explain(planted.model, inputs, "gradcam", target).cam
    steps = activation_maps(planted, inputs, language.RED)
    return {name: found(maps, red) for name, maps in {"gradcam": cam, **steps}.items()}


def main() -> None:
    """Print the counts for images that say the word themselves, and for images that do not."""
    print("of", DRAWS, "draws")
    for title, silent in (("images that say words", False), ("images that are silent", True)):
        print(f"{title}: {hits(language.llava(silent=silent))}")


if __name__ == "__main__":
    main()
