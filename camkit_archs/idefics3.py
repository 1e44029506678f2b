"""Idefics3 and SmolVLM, of Hugging Face: an image in tiles, and a small version of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from torch import Tensor

from camkit_core import Adapter, InputError, Pictures

from .tiles import Tiles


def adapter(model: Any, image_size: tuple[int, ...], call: Mapping[str, Any]) -> Adapter:
    """The image tokens that the language model reads, of `connector`, tile by tile.

    Tiles lie where the tokens between them say: the processor writes a line break after each row.
    """
    given, ids = call.get("pixel_values"), call.get("input_ids")
    if not isinstance(given, Tensor) or given.ndim != 5 or not isinstance(ids, Tensor):
        raise InputError(
            f"{type(model).__name__} takes pixel_values (N, tiles, 3, side, side) and input_ids; "
            f"pass all that the processor makes: camkit.explain(model, inputs, ...)"
        )
    found = {_rows_and_columns(row.tolist(), model) for row in ids}
    fitting = len(found) == 1 and given.shape[1] in _counts(*next(iter(found)))
    if not fitting or len(ids) != len(given) or given.shape[3] != given.shape[4]:
        raise InputError(
            f"expected one image in each prompt, all in as many rows and columns of square tiles; "
            f"got pixel_values {tuple(given.shape)} and prompts with rows and columns "
            f"{sorted(found)}; explain the images one by one, each with its own prompt"
        )
    rows, columns = next(iter(found))
    whole = given.shape[1] == 1
    tiles = Tiles(given, rows, columns, thumbnail=None if whole else rows * columns)
    pictures = Pictures(tiles.pictures, tiles.tiles)
    return Adapter(model.model.connector, tiles.grid, pictures=pictures)


def _counts(rows: int, columns: int) -> tuple[int, ...]:
    """How many tiles there may be: those and a thumbnail, or a single one."""
    return (1,) if (rows, columns) == (1, 1) else (rows * columns + 1,)


def _rows_and_columns(tokens: list[int], model: Any) -> tuple[int, int]:
    """The rows and columns of tiles in a prompt; (0, 0) where it has not one image.

    Each tile's tokens follow a token that is the last of the image, too; before the first tile of
    another row, and before the thumbnail, a line break comes before that.
    """
    is_image = [token == model.config.image_token_id for token in tokens]
    starts = [i for i, (a, b) in enumerate(pairwise([False, *is_image])) if b and not a]
    ends = [i for i, (a, b) in enumerate(pairwise([*is_image, False])) if a and not b]
    if not starts or ends[-1] + 1 == len(tokens):
        return 0, 0
    around = tokens[ends[-1] + 1]
    row, lengths = 1, []
    for end in ends[:-1]:
        if tokens[end + 1] == around:
            row += 1
        else:
            lengths.append(row)
            row = 1
    lengths.append(row)
    if len(lengths) == 1:
        return (1, 1) if lengths == [1] else (0, 0)
    *rows, last = lengths
    return (len(rows), rows[0]) if last == 1 and len(set(rows)) == 1 else (0, 0)
