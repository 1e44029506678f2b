"""Which method to take, and why; or that none can be recommended."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from .judgement import Judgement
from .sanity_checks import blank_everywhere, failures
from .standings import Standing, ranked
from .wording import counted, listed, spaced

_CHEAP = 1.5  # times the cheapest counts as equally cheap, since times vary from run to run


def beatable(standing: Standing) -> tuple[str, ...]:
    """The baselines that have a value in this metric and that a method can beat."""
    unbeatable = standing.facts.unbeatable
    return tuple(
        name
        for name in standing.baselines
        if not {name, "*"} & set(unbeatable) and isfinite(standing.means[name].mean)
    )


def cheapest_of(names: Sequence[str], judgement: Judgement) -> str:
    """The first of the methods that take about as long as the cheapest of them."""
    seconds = {name: judgement.costs[name].seconds for name in names}
    return next(name for name in names if seconds[name] <= _CHEAP * min(seconds.values()))


def recommendation(judgement: Judgement, standings: Sequence[Standing]) -> str:
    """One sentence: the method to take, and the reason.

    A method that fails a check is left out, and so is a method that beats all baselines on no
    metric. The method that leads, beyond noise, on the most metrics is recommended. If several
    lead on equally many, it is the cheapest; of equally cheap ones, the first asked for.
    """
    rankings = ranked(standings)
    out = {*(failure.method for failure in failures(standings)), *blank_everywhere(judgement)}
    fit = [name for name in judgement.methods if name not in out]
    if not fit:
        return "No map can be recommended: none passes the checks."
    if not rankings:
        cheap = cheapest_of(fit, judgement)
        return f"No metric says which method is better; {cheap} is as cheap as any."
    tests = [standing for standing in rankings if beatable(standing)]
    worth = [name for name in fit if not tests or _passed(name, tests)]
    if not worth:
        noise = " on these images" if _any_few(tests) else " beyond noise"
        return f"No map can be recommended: on no metric does one beat every baseline{noise}."
    leads = {name: sum(name in standing.leaders for standing in rankings) for name in worth}
    most = max(leads.values())
    chosen = cheapest_of([name for name in worth if leads[name] == most], judgement)
    now = " for now" if _any_few(rankings) else ""
    return f"Take {chosen}{now}: {_because(chosen, worth, leads[chosen], rankings, tests)}."


def _passed(name: str, tests: Sequence[Standing]) -> list[Standing]:
    """The metrics on which a method beats every baseline."""
    return [
        standing
        for standing in tests
        if all(standing.ahead(name, baseline) for baseline in beatable(standing))
    ]


def _any_few(standings: Sequence[Standing]) -> bool:
    return any(standing.few for standing in standings)


def _because(
    chosen: str,
    worth: Sequence[str],
    leads: int,
    rankings: Sequence[Standing],
    tests: Sequence[Standing],
) -> str:
    images = max(standing.images for standing in rankings)
    beaten = listed([spaced(standing.metric) for standing in _passed(chosen, tests)])
    reasons = [f"it beats every baseline on {beaten}"] if beaten else []
    if _any_few(rankings):
        reasons.insert(0, f"{counted(images, 'image')} cannot tell the methods apart")
    elif len(worth) > 1:
        which = f"{leads} of {counted(len(rankings), 'metric')}"
        reasons.insert(0, f"it is best or level with the best on {which}")
    alone = len(worth) == 1 and bool(beaten)
    reasons.append("no other method does" if alone else "none as good is much cheaper")
    return f"{', '.join(reasons[:-1])}, and {reasons[-1]}" if len(reasons) > 1 else reasons[0]
