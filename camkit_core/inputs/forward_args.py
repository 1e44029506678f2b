"""The arguments of a model's call beside the images: masks, prompts, flags."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import signature
from typing import Any

from torch import Tensor, nn

from ..arguments import checked
from ..errors import InputError, InputTypeError, shown
from ..pytree import all_plain, map_tensors, plain, row_of, tensors_in
from .output import OutputPart
from .seen import will_run

Name = int | str
RUNS = [0]  # how often a model was called


@dataclass(frozen=True, eq=False)
class ForwardArgs:
    """The arguments of a model's call, with a place among them for the images.

    An argument whose tensors have as many rows as there are images goes with them, row by row,
    unless it is shared; every other argument is the same for each image. `Recording` and `record`
    call these arguments `companions`.

    Attributes:
        place: where the images go, a position or a name.
        args: the arguments by position, without the images.
        kwargs: the arguments by name, without the images.
        count: how many images there are.
        output: from what the model returns to what targets read; None where that is the same.
        shared: the positions and names of the arguments that are the same for each image although
            they have as many rows; None where nobody has said it.
        given: the images as the caller gave them, where they are not (N, C, H, W).
        write: from pictures, and the index of the image that each is a version of, to what the
            model takes in place of `given`.
        entry: the name of the model's method that is called; None for the model itself.
        reads: from what that returns to what `output` reads; None where that is the same.
    """

    place: Name = 0
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    output: OutputPart | None = None
    shared: frozenset[Name] | None = None
    given: Tensor | None = None
    write: Callable[[Tensor, Sequence[int]], Tensor] | None = None
    entry: str | None = None
    reads: Callable[[Any], Any] | None = None

    @property
    def identity(self) -> Hashable:
        """What tells this call from others, for memories: where the images go, and what else."""
        further = [*enumerate(self.args), *self.kwargs.items()]
        part = self.output and self.output.identity
        reads = self.reads and OutputPart(self.reads).identity
        outlines = tuple((name, *_outline(value)) for name, value in further)
        return self.place, part, outlines, self.entry, reads

    def beside(self, images: Tensor) -> ForwardArgs:
        """The same arguments for a number of images."""
        if not self.args and not self.kwargs:
            return self
        return replace(self, count=len(images))

    def of_image(self, image: int) -> ForwardArgs:
        """The same arguments for versions of a single image: of each, the image's row."""
        values = self.named()
        own = set(self.with_rows()) - (self.shared or frozenset())
        values |= {name: self._row(values[name], image) for name in own}
        args = tuple(values[position] for position in sorted(self._positions(values)))
        kwargs = {name: value for name, value in values.items() if isinstance(name, str)}
        shared = frozenset(values) - own
        write = self.write and partial(_written_as, self.write, image)
        return replace(self, args=args, kwargs=kwargs, count=1, shared=shared, write=write)

    def _row(self, value: Any, image: int) -> Any:
        one = slice(image, image + 1)
        return value[one] if _is_texts(value) else row_of(value, image, self.count)

    def call(self, model: Callable[..., Any], rows: Tensor, image: int | None = None) -> Any:
        """The model's output for rows (M, ...) of images, or the part of it that targets read.

        Args:
            model: what is called, by its entry; a function that calls a model is called itself.
            rows: all images, once or several times over; or versions of a single image.
            image: the index of that single image.
        """
        will_run()
        RUNS[0] += 1
        if self.entry and isinstance(model, nn.Module):
            model = getattr(model, self.entry)
        returned = all_plain(self._call(model, rows, image))
        if self.reads is not None:
            returned = self.reads(returned)
        return returned if self.output is None else self.output(returned)

    def _call(self, model: Callable[..., Any], rows: Tensor, image: int | None) -> Any:
        if not self.args and not self.kwargs and self.place == 0:
            return model(rows)
        values = {name: self._for(name, value, rows, image) for name, value in self.named().items()}
        values[self.place] = self._written(rows, image) if self.write else rows
        args = [values.pop(position) for position in sorted(self._positions(values))]
        return model(*args, **values)

    def _written(self, rows: Tensor, image: int | None) -> Tensor:
        """Pictures as the pixels that the model takes."""
        assert self.write is not None
        if image is not None:
            return self.write(rows, [image] * len(rows))
        return self.write(rows, list(range(self.count)) * (len(rows) // self.count))

    def by_name(self, model: nn.Module, images: Tensor) -> dict[str, Any]:
        """All arguments of the model's call by name, the images as the caller gave them."""
        values = {self.place: images if self.given is None else self.given, **self.named()}
        names = _names_by_position(model) if any(isinstance(key, int) for key in values) else []
        return {
            names[key] if isinstance(key, int) and key < len(names) else str(key): value
            for key, value in values.items()
        }

    def named(self) -> dict[Any, Any]:
        """The arguments by position or name, as the caller counts them: with the images' place."""
        at = min(self.place, len(self.args)) if isinstance(self.place, int) else len(self.args)
        positions = [*range(at), *range(at + 1, len(self.args) + 1)]
        return {**dict(zip(positions, self.args, strict=True)), **self.kwargs}

    def with_rows(self) -> list[Name]:
        """The arguments that have as many rows as there are images."""
        return [name for name, value in self.named().items() if self._has_rows(value)]

    @staticmethod
    def _positions(values: Mapping[Any, Any]) -> list[int]:
        return [name for name in values if isinstance(name, int)]

    def _has_rows(self, value: Any) -> bool:
        if _is_texts(value):
            return len(value) == self.count
        return any(tensor.ndim and len(tensor) == self.count for tensor in tensors_in(value))

    def _for(self, name: Name, value: Any, rows: Tensor, image: int | None) -> Any:
        """An argument for these rows of images."""
        goes_along = name not in (self.shared or ())

        def for_rows(tensor: Tensor) -> Tensor:
            tensor = plain(tensor)
            if not goes_along or tensor.ndim == 0 or len(tensor) != self.count:
                return tensor.detach().clone().to(rows.device)
            each = tensor.detach() if image is None else tensor.detach()[image : image + 1]
            repeats = len(rows) // len(each)
            return each.repeat(repeats, *[1] * (tensor.ndim - 1)).to(rows.device)

        if _is_texts(value) and goes_along and len(value) == self.count:
            each = value if image is None else value[image : image + 1]
            return each * (len(rows) // len(each))
        return map_tensors(for_rows, value)


def _written_as(
    write: Callable[[Tensor, Sequence[int]], Tensor], image: int, rows: Tensor, _: Sequence[int]
) -> Tensor:
    """Pictures, all of them versions of one image, as the pixels that the model takes."""
    return write(rows, [image] * len(rows))


def _is_texts(value: Any) -> bool:
    """Whether a value is a list of texts, which may be one for each image."""
    listed = isinstance(value, (list, tuple)) and len(value) > 0
    return listed and all(isinstance(item, str) for item in value)


def _outline(value: Any) -> Iterator[Hashable]:
    """The shapes of an argument's tensors, and a plain value itself."""
    yield type(value).__qualname__
    yield from (tensor.shape for tensor in tensors_in(value))
    if isinstance(value, (bool, int, float, str)):
        yield value


def split(given: Any, image_input: int | str | None = None) -> tuple[Any, ForwardArgs]:
    """The images among a model's arguments, and the others.

    Args:
        given: the images, or all arguments: by name in a mapping, by position in a tuple or list.
        image_input: which of the arguments are the images; None for the only one that can be.

    Raises:
        InputError: if none or several of them can be; it lists them.
    """
    if isinstance(given, Mapping):
        for name in given:
            checked("a dict of inputs", "name", name, str, (InputError, InputTypeError))
        place = _place(dict(given), image_input)
        others = {name: value for name, value in given.items() if name != place}
        return given[place], ForwardArgs(place, (), others)
    if isinstance(given, (tuple, list)) and (
        image_input is not None or any(map(_is_images, given))
    ):
        place = _place(dict(enumerate(given)), image_input)
        args = tuple(value for position, value in enumerate(given) if position != place)
        return given[place], ForwardArgs(place, args)
    if isinstance(image_input, int) and image_input:
        raise InputError(
            f"image_input={shown(image_input)} is none of the model's inputs, as only the images "
            f"were given; pass all inputs in a tuple, or leave image_input out"
        )
    return given, NO_ARGS if image_input is None else ForwardArgs(image_input)


def _names_by_position(model: nn.Module) -> list[str]:
    try:
        return list(signature(model.forward).parameters)
    except (TypeError, ValueError):
        return []


PIXELS = "pixel_values"  # what the models of transformers call their images
NO_ARGS = ForwardArgs()


def _place(arguments: Mapping[Any, Any], image_input: int | str | None) -> Any:
    if image_input in arguments:
        return image_input
    fitting = [name for name, value in arguments.items() if _is_images(value)]
    if len(fitting) != 1 and _is_floating(arguments.get(PIXELS)):
        fitting = [PIXELS]  # patches have other axes than images, and other tensors may have four
    if image_input is None and len(fitting) == 1:
        return fitting[0]
    inputs = ", ".join(_outlines(arguments))
    if image_input is not None:
        raise InputError(
            f"image_input={shown(image_input)} is none of the model's inputs: {inputs}"
        )
    several = "several of these could be" if fitting else "none of these is a tensor of"
    raise InputError(
        f"{several} the images: {inputs}; name one, e.g. image_input={next(iter(arguments))!r}"
        if arguments
        else "got no inputs for the model; expected its images"
    )


def _is_images(value: Any) -> bool:
    return _is_floating(value) and value.ndim >= 4


def _is_floating(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _outlines(arguments: Mapping[Any, Any]) -> Iterator[str]:
    for name, value in arguments.items():
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        kind = f" {value.dtype}".replace("torch.", "") if isinstance(value, Tensor) else ""
        yield f"{shown(name)} {shape}{kind}"
