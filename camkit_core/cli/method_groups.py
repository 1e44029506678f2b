"""Which methods belong together, for whoever reads their list."""

from __future__ import annotations

from ..plugins.contribution import BUILT_IN, Contribution

GROUPS = {
    "the five": ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"),
    "gradient": (
        *("hirescam", "layercam", "gradcam_elementwise", "eigengradcam", "smoothgradcam++"),
        *("finercam", "shapleycam", "refinecam", "fullgrad", "guided_backprop"),
    ),
    "gradient-free": ("eigencam", "kpcacam", "fem", "reciprocam", "groupcam", "sscam", "iscam"),
    "attention": ("attention_rollout", "chefer", "legrad"),
    "baselines": ("randomcam",),
}
OTHERS = "of other packages"
_BY_NAME = {name: group for group, names in GROUPS.items() for name in names}


def group_of(method: Contribution) -> str:
    """The group of a method; one that camkit does not bring is of other packages."""
    return _BY_NAME[method.name] if method.distribution == BUILT_IN else OTHERS


def grouped(methods: tuple[Contribution, ...]) -> dict[str, list[Contribution]]:
    """The methods by group, in the order in which one would try them."""
    order = [name for names in GROUPS.values() for name in names]
    own = [one for one in methods if one.distribution == BUILT_IN]
    others = [one for one in methods if one.distribution != BUILT_IN]
    found: dict[str, list[Contribution]] = {}
    for one in [*sorted(own, key=lambda one: order.index(one.name)), *others]:
        found.setdefault(group_of(one), []).append(one)
    return found
