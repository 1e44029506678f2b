"""Which method to take, and why; or that none can be recommended."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...plugins.method_groups import BASELINES
from .doubts import untrained
from .judgement import Judgement
from .reasons import for_and_against, too_few, undecided
from .sanity_checks import blank_everywhere, failures
from .standings import Standing, any_few, ranked

_CHEAP = 1.5  # times the cheapest counts as equally cheap, since times vary from run to run


def cheapest_of(names: Sequence[str], judgement: Judgement) -> str:
    """The first of the methods that take about as long as the cheapest of them."""
    seconds = {name: judgement.costs[name].seconds for name in names}
    return next(name for name in names if seconds[name] <= _CHEAP * min(seconds.values()))


def recommendation(judgement: Judgement, standings: Sequence[Standing]) -> str:
    """The method to take, and the reason: doubts first, then losses, then what speaks for it.

    A model that is not trained recommends nothing. Left out are methods without evidence, methods
    that are baselines by their own account, methods that fail a check, and methods that beat all
    baselines on no metric. The method that leads, beyond noise, on the most metrics is recommended.
    If several lead on equally many, it is the cheapest; of equally cheap ones, the first asked for.
    """
    if why := untrained(judgement):
        return f"No map can be recommended: {why}, and these maps say nothing of a trained model."
    rankings = ranked(standings)
    fit = list(judgement.methods)
    for names, why in _left_out(judgement, standings):
        fit = [name for name in fit if name not in names]
        if not fit:
            return f"No map can be recommended: {why}."
    if not rankings:
        cheap = cheapest_of(fit, judgement)
        return f"No metric says which method is better; {cheap} is as cheap as any."
    tests = [standing for standing in rankings if standing.beatable]
    worth = [name for name in fit if not tests or any(not test.unbeaten(name) for test in tests)]
    if not worth:
        return undecided(fit, tests)
    leads = {name: sum(name in standing.leaders for standing in rankings) for name in worth}
    most = max(leads.values())
    chosen = cheapest_of([name for name in worth if leads[name] == most], judgement)
    reasons = for_and_against(chosen, worth, rankings)
    if any_few(rankings):
        return f"{too_few(rankings)} which map is better. Take {chosen} for now: {reasons}."
    return f"Take {chosen}: {reasons}."


def _left_out(
    judgement: Judgement, standings: Sequence[Standing]
) -> list[tuple[Collection[str], str]]:
    """Methods that are not recommended, and what is said if no other is left."""
    facts = judgement.method_facts
    baselines = [name for name in facts if facts[name].group == BASELINES]
    failed = [failure.method for failure in failures(standings)]
    return [
        (baselines, "every method is a baseline"),
        (blank_everywhere(judgement), "no method finds evidence"),
        (failed, "none passes the checks"),
    ]
