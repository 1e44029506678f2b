"""What a call is asked for beside model, images and targets, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from annotated_types import Ge

from ..adapter import Adapter
from ..arguments import checked
from ..errors import TargetError, TargetTypeError, UnknownName, shown
from ..inputs.output import Output
from ..inputs.targets.protocol import follows_places
from ..inputs.targets.resolve import check_target
from ..probe.further.configured_method import ConfiguredMethod, configure
from ..target_layer.find import Layer
from ..target_layer.plan import Asked


@dataclass(frozen=True, eq=False)
class Settings:
    """What a call is asked for beside model, images and targets; see `compare`.

    Attributes:
        methods: the methods, with their options.
        asked: what is said of the layer.
        judge: explains and judges, where there are metrics.
    """

    methods: Sequence[ConfiguredMethod]
    asked: Asked
    image_input: int | str | None = None
    output: Output | None = None
    batch_size: int | None = None
    aug_smooth: bool = False
    eigen_smooth: bool = False
    guided: bool = False
    fuse_layers: str = "mean"
    judge: Any = None

    @cached_property
    def taped(self) -> bool:
        """Whether a method runs what follows the layer again."""
        return any(method.facts.needs == "tail" for method in self.methods)

    @cached_property
    def class_free(self) -> bool:
        """Whether nothing asks for a class."""
        asks = any(method.facts.needs_class for method in self.methods)
        return not (self.judge or self.guided or asks)


def settings_of(
    methods: Any,
    layer: Layer | Sequence[Layer] | None = None,
    reshape_transform: Any = None,
    *,
    image_input: int | str | None = None,
    shared_inputs: Sequence[int | str] | None = None,
    output: Output | None = None,
    adapter: Adapter | Sequence[Adapter] | None = None,
    batch_size: Any = None,
    aug_smooth: Any = False,
    eigen_smooth: Any = False,
    guided: Any = False,
    fuse_layers: Any = "mean",
    judge: Any = None,
    **options: Any,
) -> Settings:
    """The settings of `compare`, checked."""
    return Settings(
        configure(methods, options),
        Asked(
            layer,
            _checked("reshape_transform", reshape_transform, None, _RESHAPE),
            shared_inputs,
            adapter,
        ),
        image_input,
        output,
        _checked("batch_size", batch_size, None, _ROWS),
        _checked("aug_smooth", aug_smooth, False, bool),
        _checked("eigen_smooth", eigen_smooth, False, bool),
        _checked("guided", guided, False, bool),
        _checked("fuse_layers", fuse_layers, "mean", _FUSING),
        judge,
    )


def refuse_several(owner: str, settings: Mapping[str, Any]) -> None:
    """Raise UnknownName for the settings of several methods or targets."""
    if several := {"methods", "targets"} & set(settings):
        raise UnknownName(f"{owner} takes method= and target=; compare takes {min(several)}=")


_ROWS: Any = Annotated[int, Ge(1)] | None
_RESHAPE: Any = Callable | None
_FUSING: Any = Literal["mean", "max"]


def _checked(name: str, value: Any, usual: Any, annotation: Any) -> Any:
    return value if value is usual else checked("camkit", name, value, annotation)


def check_targets(targets: Any, aug_smooth: bool) -> None:
    """Refuse what can be no list of targets of any model.

    Raises:
        TargetError: for an empty list, or a target that does not go with `aug_smooth`; a
            TargetTypeError for anything else.
    """
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        raise TargetTypeError(f"expected a list of targets, at least one; got {shown(targets)}")
    if not targets:
        raise TargetError(f"expected a list of targets, at least one; got {shown(targets)}")
    for target in targets:
        check_target(target)
    if aug_smooth and any(map(follows_places, targets)):
        raise TargetError(
            "the target is about a place in the image, which aug_smooth mirrors; leave one out"
        )
