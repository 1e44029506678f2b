"""The verdict: what a judgement's numbers say, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from .doubts import too_few_images, untrained_weights
from .judgement import Judgement
from .recommendation import cheapest_of, recommendation
from .sanity_checks import blank_maps, equal_maps, failures
from .sentences import Verdict
from .standings import Standing, ranked, standings_of
from .wording import between, does, listed, number, spaced, times

DEAR = 3.0  # times the cheapest method's time, from which on the verdict mentions it


def verdict(judgement: Judgement) -> Verdict:
    """The judgement in sentences: doubts, losses, wins, and the recommendation last.

    Paired bootstrap over images, at 95%, separates differences from noise. With fewer images than
    `bootstrap.LEAST` that is not possible, and the sentences say so.
    """
    standings = standings_of(judgement)
    sentences = (
        *too_few_images(standings),
        *untrained_weights(judgement),
        *(failure.sentence for failure in failures(standings)),
        *blank_maps(judgement),
        *unbeaten_baselines(standings),
        *best_by_metric(standings),
        *equal_maps(judgement),
        *dear_methods(judgement, standings),
        recommendation(judgement, standings),
    )
    return Verdict(sentences)


def best_by_metric(standings: Sequence[Standing]) -> list[str]:
    """For each metric the best method, and those that do not differ from it beyond noise."""
    return [
        _best(standing, standing.best)
        for standing in ranked(standings)
        if standing.best and len(standing.known) > 1
    ]


def _best(standing: Standing, best: str) -> str:
    on, mean = f"On {standing.directed}", standing.means[best]
    value = f"{number(mean.mean)}{between(mean)}"
    others = standing.leaders[1:]
    if standing.few:
        tied = [best, *[name for name in others if not standing.ahead(best, name)]]
        return f"{on} {does(tied, 'has', 'have')} the best mean ({value})."
    if len(others) == len(standing.known) - 1:
        return f"{on} no method is better than another beyond noise; {best} has {value}."
    if not others:
        return f"{on} {best} is better than all others ({value})."
    differ = does(others, "does", "do")
    return f"{on} {best} is best ({value}); {differ} not differ from it beyond noise."


def unbeaten_baselines(standings: Sequence[Standing]) -> list[str]:
    """For each metric the baselines that no method beats."""
    sentences = []
    for standing in ranked(standings):
        unbeaten = [
            baseline
            for baseline in standing.beatable
            if not any(standing.ahead(name, baseline) for name in standing.methods)
        ]
        if unbeaten and standing.best:
            sentences.append(_unbeaten(standing, standing.best, unbeaten))
    return sentences


def _unbeaten(standing: Standing, best: str, baselines: Sequence[str]) -> str:
    what = f"the {'baseline' if len(baselines) == 1 else 'baselines'} {listed(baselines)}"
    values = ", ".join(f"{name} {number(standing.means[name].mean)}" for name in baselines)
    noise = "" if standing.few else " beyond noise"
    on, values = (
        f"On {standing.directed}",
        f"({best} {number(standing.means[best].mean)}; {values})",
    )
    if all(standing.ahead(each, name) for each in baselines for name in standing.known):
        return f"{on} every method loses to {what} {values}."
    return f"{on} no method beats {what}{noise} {values}."


def dear_methods(judgement: Judgement, standings: Sequence[Standing]) -> list[str]:
    """For each method that takes much longer than the cheapest, what it is better on."""
    costs = {name: judgement.costs[name].seconds for name in judgement.methods}
    cheapest, rankings = cheapest_of(list(costs), judgement), ranked(standings)
    if not rankings or costs[cheapest] <= 0:
        return []
    return [
        f"{name} takes {times(cost / costs[cheapest])} as long as {cheapest}"
        f"{_for_that(name, cheapest, rankings)}."
        for name, cost in costs.items()
        if cost >= DEAR * costs[cheapest]
    ]


def _for_that(name: str, cheapest: str, rankings: Sequence[Standing]) -> str:
    """On which metrics a dear method is better than the cheapest, and by how much."""
    few = any(standing.few for standing in rankings)
    better = [standing for standing in rankings if standing.ahead(name, cheapest)]
    if not better:
        metrics = listed([spaced(standing.metric) for standing in rankings])
        return f" and is not better {'here' if few else 'beyond noise'} on {metrics}"
    chance = ", which may be chance with so few images" if few else ""
    return f" and is better on {listed([_gain(each, name, cheapest) for each in better])}{chance}"


def _gain(standing: Standing, name: str, other: str) -> str:
    gain = standing.gain(name, other)
    return f"{spaced(standing.metric)} (by {number(gain.mean)}{between(gain)})"
