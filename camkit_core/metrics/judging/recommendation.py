"""Which method to take, and why; or that none can be recommended."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from .judgement import BASELINES, Judgement
from .sanity_checks import blank_everywhere, failed_randomisation, gamed_by_area, methods_of
from .standings import Standing, ranked
from .wording import counted, listed, spaced

_CHEAP = 1.5  # times the cheapest: as cheap, since times vary from run to run

# What a method cannot beat by construction: the whole image keeps the whole score, and maps
# that are not the model's do not follow its quirks.
_UNBEATABLE = {"average_drop": ("uniform",), "sensitivity": BASELINES}


def beatable(standing: Standing) -> tuple[str, ...]:
    """The baselines that say something about the methods in this metric."""
    hopeless = _UNBEATABLE.get(standing.metric, ())
    return tuple(
        name
        for name in standing.baselines
        if name not in hopeless and isfinite(standing.means[name].mean)
    )


def cheapest_of(names: Sequence[str], judgement: Judgement) -> str:
    """The first of the methods that take about as long as the cheapest of them."""
    seconds = {name: judgement.costs[name].seconds for name in names}
    return next(name for name in names if seconds[name] <= _CHEAP * min(seconds.values()))


def recommendation(judgement: Judgement, found: Sequence[Standing]) -> str:
    """One sentence: the method to take, and the reason.

    A method that fails a check is out, and so is one that beats all baselines on no metric. Of
    the others the one is taken that leads, beyond noise, on the most metrics; of several such the
    cheapest; of equally cheap ones the first asked for.
    """
    rivals = ranked(found)
    out = {*failed_randomisation(found), *gamed_by_area(found), *blank_everywhere(judgement)}
    fit = [name for name in methods_of(judgement) if name not in out]
    if not fit:
        return "No map can be recommended: none passes the checks."
    if not rivals:
        cheap = cheapest_of(fit, judgement)
        return f"No metric says which method is better; {cheap} is as cheap as any."
    tested = [one for one in rivals if beatable(one)]
    worth = [name for name in fit if not tested or _beaten(name, tested)]
    if not worth:
        noise = " on these images" if any(one.few for one in tested) else " beyond noise"
        return f"No map can be recommended: on no metric does one beat every baseline{noise}."
    leads = {name: sum(name in one.leaders for one in rivals) for name in worth}
    most = max(leads.values())
    chosen = cheapest_of([name for name in worth if leads[name] == most], judgement)
    now = " for now" if any(one.few for one in rivals) else ""
    return f"Take {chosen}{now}: {_because(chosen, worth, leads[chosen], rivals, tested)}."


def _beaten(name: str, tested: Sequence[Standing]) -> list[Standing]:
    """The metrics on which a method beats every baseline."""
    return [one for one in tested if all(one.ahead(name, other) for other in beatable(one))]


def _because(
    chosen: str,
    worth: Sequence[str],
    leads: int,
    rivals: Sequence[Standing],
    tested: Sequence[Standing],
) -> str:
    images = max(one.images for one in rivals)
    few = any(one.few for one in rivals)
    beaten = listed([spaced(one.metric) for one in _beaten(chosen, tested)])
    reasons = [] if not beaten else [f"it beats every baseline on {beaten}"]
    if few:
        reasons.insert(0, f"{counted(images, 'image')} cannot tell the methods apart")
    elif len(worth) > 1:
        which = f"{leads} of {counted(len(rivals), 'metric')}"
        reasons.insert(0, f"it is best or level with the best on {which}")
    alone = len(worth) == 1 and bool(beaten)
    reasons.append("no other method does" if alone else "none as good is much cheaper")
    return f"{', '.join(reasons[:-1])}, and {reasons[-1]}" if len(reasons) > 1 else reasons[0]
