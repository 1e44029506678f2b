"""What a judgement says in plain sentences, each made of nothing but its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from .bootstrap import LEAST
from .judgement import Judgement
from .recommendation import beatable, cheapest_of, recommendation
from .sanity_checks import blank_maps, equal_maps, failed_randomisation, gamed_by_area, methods_of
from .standings import Standing, ranked, standings
from .wording import between, counted, does, listed, number, spaced, times

DEAR = 3.0  # times the cheapest method's time: less is not worth a word


def verdict(judgement: Judgement) -> tuple[str, ...]:
    """The judgement in sentences, the recommendation last.

    Differences are told from noise by paired bootstrap over images, at 95%. With fewer images
    than `bootstrap.LEAST` nothing is told from noise, and the sentences say so.
    """
    found = standings(judgement)
    return (
        *too_few_images(found),
        *equal_maps(judgement),
        *blank_maps(judgement),
        *best_by_metric(found),
        *unbeaten_baselines(found),
        *dear_methods(judgement, found),
        *failed_randomisation(found).values(),
        *gamed_by_area(found).values(),
        recommendation(judgement, found),
    )


def too_few_images(found: Sequence[Standing]) -> list[str]:
    """That no method can be called better, where so few images were judged."""
    images = max((standing.images for standing in ranked(found)), default=LEAST)
    if images >= LEAST:
        return []
    here = "it" if images == 1 else "them"
    return [
        f"{counted(images, 'image')}: too few to tell a better method from a lucky one ({LEAST} "
        f"are the least), so the numbers speak of {here} alone."
    ]


def best_by_metric(found: Sequence[Standing]) -> list[str]:
    """For each metric the best method, and those that do not differ from it beyond noise."""
    return [_best(one, one.best) for one in ranked(found) if one.best and len(one.known) > 1]


def _best(standing: Standing, best: str) -> str:
    on, mean = f"On {spaced(standing.metric)}", standing.means[best]
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


def unbeaten_baselines(found: Sequence[Standing]) -> list[str]:
    """For each metric the baselines that no method beats."""
    sentences = []
    for one in ranked(found):
        unbeaten = [
            baseline
            for baseline in beatable(one)
            if not any(one.ahead(name, baseline) for name in one.methods)
        ]
        if unbeaten and one.best:
            what = f"the {'baseline' if len(unbeaten) == 1 else 'baselines'} {listed(unbeaten)}"
            values = ", ".join(f"{name} {number(one.means[name].mean)}" for name in unbeaten)
            best = f"{one.best} {number(one.means[one.best].mean)}"
            noise = "" if one.few else " beyond noise"
            on = f"On {spaced(one.metric)} no method beats {what}"
            sentences.append(f"{on}{noise} ({best}; {values}).")
    return sentences


def dear_methods(judgement: Judgement, found: Sequence[Standing]) -> list[str]:
    """For each method that takes much longer than the cheapest, what one gets for it."""
    costs = {name: judgement.costs[name].seconds for name in methods_of(judgement)}
    cheapest = cheapest_of(list(costs), judgement)
    if not ranked(found) or costs[cheapest] <= 0:
        return []
    return [
        f"{name} takes {times(cost / costs[cheapest])} as long as {cheapest}"
        f"{_for_that(name, cheapest, ranked(found))}."
        for name, cost in costs.items()
        if cost >= DEAR * costs[cheapest]
    ]


def _for_that(name: str, cheapest: str, found: Sequence[Standing]) -> str:
    few = any(one.few for one in found)
    better = [one for one in found if one.ahead(name, cheapest)]
    if not better:
        metrics = listed([spaced(one.metric) for one in found])
        return f" and is not better {'here' if few else 'beyond noise'} on {metrics}"
    gains = [(one, one.gain(name, cheapest)) for one in better]
    each = [f"{spaced(one.metric)} (by {number(gain.mean)}{between(gain)})" for one, gain in gains]
    chance = ", which may be chance with so few images" if few else ""
    return f" and is better on {listed(each)}{chance}"
