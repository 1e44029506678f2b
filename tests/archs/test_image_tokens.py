"""Patches and tiles, as the image processors of transformers make them, are read as pictures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("transformers")
IMAGE, FAKE = 9, 8


def picture(height: int, width: int) -> Tensor:
    """Red grows to the right and green downwards, so that each place has a colour of its own."""
    rows, columns = torch.linspace(0, 255, height), torch.linspace(0, 255, width)
    red, green = columns.expand(height, -1), rows[:, None].expand(-1, width)
    return torch.stack([red, green, torch.full_like(red, 90)]).round().byte()


def in_order(pictures: Tensor) -> None:
    """Red grows to the right and green downwards, all over the picture."""
    assert bool((pictures[:, 0].diff(dim=-1) >= -1e-4).all())
    assert bool((pictures[:, 1].diff(dim=-2) >= -1e-4).all())


def written_back(pictures: Any, given: Tensor) -> Tensor:
    read = pictures.read(given)
    assert torch.equal(pictures.write(read, range(len(read))), given)
    return read


@pytest.mark.parametrize("size", [(56, 84), (112, 56)])
def test_qwens_patches(size: tuple[int, int]) -> None:
    from transformers import Qwen2VLImageProcessor

    from camkit_archs.qwen_vl import adapter

    processor = Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=112 * 112)
    made = processor(images=[picture(*size)] * 2, return_tensors="pt")
    config = SimpleNamespace(
        spatial_merge_size=2, in_channels=3, temporal_patch_size=2, patch_size=14
    )
    visual = nn.Identity()
    visual.config = config
    model = SimpleNamespace(model=SimpleNamespace(visual=visual))
    found = adapter(model, (), made)
    read = written_back(found.pictures, made["pixel_values"])
    assert read.shape == (2, 3, *size)
    in_order(read)
    rows, columns = (side // 28 for side in size)
    tokens = made["pixel_values"].mean(1, keepdim=True)
    patches = found.reshape(tokens)
    assert patches.shape == (2, 1, rows * 2, columns * 2)
    merged = found.reshape(tokens.unflatten(0, (-1, 4)).mean(1))
    expected = read.mean(1, keepdim=True).unfold(2, 28, 28).unfold(3, 28, 28).mean((4, 5))
    assert torch.allclose(merged, expected, atol=1e-4)


@pytest.mark.parametrize(("size", "tiles"), [((64, 96), (2, 3)), ((96, 64), (3, 2))])
def test_idefics_tiles(size: tuple[int, int], tiles: tuple[int, int]) -> None:
    from transformers import Idefics3ImageProcessor

    from camkit_archs.idefics3 import adapter

    processor = Idefics3ImageProcessor(
        size={"longest_edge": 96}, max_image_size={"longest_edge": 32}
    )
    made = processor(images=[[picture(*size)]], return_tensors="pt", return_row_col_info=True)
    assert (made["rows"][0][0], made["cols"][0][0]) == tiles
    rows, columns = tiles
    tokens = []
    for _ in range(rows):
        tokens += [*[FAKE, 7, IMAGE, IMAGE, IMAGE, IMAGE] * columns, 6]
    tokens += [6, FAKE, 7, IMAGE, IMAGE, IMAGE, IMAGE, FAKE, 1]
    config = SimpleNamespace(image_token_id=IMAGE)
    model: Any = SimpleNamespace(config=config, model=SimpleNamespace(connector=nn.Identity()))
    call = {"pixel_values": made["pixel_values"], "input_ids": torch.tensor([[1, *tokens]])}
    found = adapter(model, (), call)
    read = written_back(found.pictures, made["pixel_values"])
    assert read.shape == (1, 3, *size)
    in_order(read)
    cells = made["pixel_values"][0].mean(1).unfold(1, 16, 16).unfold(2, 16, 16).mean((3, 4))
    grid = found.reshape(cells.flatten(1)[:, :, None])
    assert grid.shape == (1, 2, rows * 2, columns * 2)
    expected = read.mean(1).unfold(1, 16, 16).unfold(2, 16, 16).mean((3, 4))
    assert torch.allclose(grid[:, 0], expected, atol=1e-5)
    assert torch.equal(grid[0, 1, :rows, :columns], cells[-1, 0, 0].expand(rows, columns))
    several = torch.cat([call["input_ids"], call["input_ids"]], 1)
    with pytest.raises(Exception, match="one image in each prompt"):
        adapter(model, (), {**call, "input_ids": several})


@pytest.mark.parametrize("size", [(40, 64), (64, 24)])
def test_llava_next_tiles(size: tuple[int, int]) -> None:
    from transformers import LlavaNextImageProcessor

    from camkit_archs.llava_next import adapter

    pinpoints = [[32, 64], [64, 32], [64, 64]]
    square = {"height": 32, "width": 32}
    processor = LlavaNextImageProcessor(
        size={"shortest_edge": 32}, crop_size=square, image_grid_pinpoints=pinpoints
    )
    made = processor(images=[picture(*size)], return_tensors="pt")
    config = SimpleNamespace(
        image_grid_pinpoints=pinpoints, vision_config=SimpleNamespace(patch_size=4)
    )
    base = SimpleNamespace(multi_modal_projector=nn.Identity())
    model: Any = SimpleNamespace(config=config, model=base)
    found = adapter(model, (), made)
    read = written_back(found.pictures, made["pixel_values"])
    in_order(read)
    grid = found.reshape(torch.zeros(made["pixel_values"].shape[1], 64, 5))
    assert grid.shape == (1, 10, *(side // 4 for side in read.shape[2:]))
