"""Pictures of explanations: right place, right size, and nothing painted without evidence."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from camkit_core import CamkitError, Comparison, Explanation, InputError, UnknownName, load_raw

PICTURES = ("overlay", "heatmap", "side_by_side", "guided_gradcam")


def explained(cam, reasons=None, **fields):
    """An explanation of grey images with the given maps (N, h, w)."""
    cam = torch.as_tensor(cam, dtype=torch.float32)
    count, (height, width) = len(cam), cam.shape[-2:]
    values = {
        "cam": cam,
        "logits": torch.zeros(count, 3),
        "target": torch.ones(count, dtype=torch.long),
        "score": torch.full((count,), 9.81),
        "layer": "layer4.1",
        "method": "gradcam",
        "adapter": "given",
        "notes": (),
        "reasons": reasons or (None,) * count,
        "images": torch.full((count, 3, height, width), 0.5),
        "guided": torch.rand(count, 3, height, width),
        "class_names": ("cat", "pug", "owl"),
        "provenance": {"method": "gradcam"},
    }
    return Explanation(**values | fields)


def spot(row=3, column=20, shape=(32, 64)):
    """A map that is 1 at one place and 0 elsewhere."""
    cam = torch.zeros(1, *shape)
    cam[0, row, column] = 1
    return cam


@pytest.mark.parametrize("renderer", PICTURES)
@pytest.mark.parametrize("size", [(64, 32), (320, 160), (31, 90), (1, 1)])
def test_every_renderer_takes_any_picture(renderer, size):
    drawn = explained(spot()).render(renderer, image=Image.new("RGB", size, "grey"))
    assert drawn.mode == "RGB"
    assert drawn.width >= size[0]
    assert drawn.height >= size[1]


@pytest.mark.parametrize("renderer", ["overlay", "heatmap"])
def test_a_bright_spot_lands_where_it_is(renderer):
    drawn = np.asarray(explained(spot()).render(renderer), dtype=float).sum(2)
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (3, 20)


def test_side_by_side_holds_picture_heatmap_and_overlay():
    e = explained(spot())
    row = np.asarray(e.render("side_by_side", gap=4))
    for number, panel in enumerate((np.full((32, 64, 3), 128), e.render("heatmap"), e.render())):
        left = 4 + number * (64 + 4)
        assert np.abs(row[4:36, left : left + 64].astype(int) - np.asarray(panel)).max() <= 1


@pytest.mark.parametrize("renderer", ["overlay", "heatmap", "side_by_side"])
def test_a_map_without_evidence_is_not_painted(renderer):
    e = explained(-spot(), reasons=("nothing speaks for it",))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn, painted = e.render(renderer), explained(spot()).render(renderer)
    assert drawn.height > painted.height  # there is a caption that says why
    if renderer == "overlay":
        assert (np.asarray(drawn)[:32] == np.asarray(Image.new("RGB", (64, 32), (128,) * 3))).all()


def test_jet_and_other_colours_on_request():
    e = explained(spot())
    assert e.render("heatmap", colormap="jet").getpixel((20, 3)) == (128, 0, 0)
    assert e.render("heatmap", colormap="viridis") != e.render("heatmap")
    with pytest.raises(UnknownName, match="Did you mean 'viridis'"):
        e.render("heatmap", colormap="viridas")


def test_drawing_changes_nothing_and_repeats():
    e = explained(spot())
    picture = Image.new("RGB", (64, 32), "navy")
    before = picture.tobytes()
    first, second = e.render(image=picture), e.render(image=picture)
    assert first.tobytes() == second.tobytes()
    assert picture.tobytes() == before


def test_grey_and_small_inputs_can_be_shown():
    e = explained(spot(), images=torch.randn(1, 1, 32, 64))
    assert e.render().size == (64, 32)


def test_guided_gradcam_needs_guided_gradients():
    with pytest.raises(CamkitError, match="guided=True"):
        explained(spot(), guided=None).render("guided_gradcam")


def test_unknown_renderers_options_and_images_are_named():
    e = explained(spot())
    with pytest.raises(UnknownName, match="Did you mean 'overlay'"):
        e.render("overlai")
    with pytest.raises(UnknownName, match="no option of overlay named 'colour'"):
        e.render("overlay", colour="jet")
    with pytest.raises(InputError, match="no image 3: the explanation has 1"):
        e.render(index=3)


def test_a_function_can_draw():
    drawn = explained(spot()).render(lambda e, index, picture: picture.convert("L"))
    assert drawn.mode == "L"


def test_a_png_carries_its_provenance(tmp_path):
    path = explained(spot()).save(tmp_path / "map.png", "heatmap", colormap="jet")
    with Image.open(path) as picture:
        account = json.loads(picture.text["camkit"])
    assert account["method"] == "gradcam"
    assert account["renderer"] == "heatmap"
    assert account["renderer_from"].startswith("camkit ")
    assert account["renderer_options"] == {"colormap": "jet"}
    assert account["class"] == "pug"
    assert account["score"] == pytest.approx(9.81)


def test_raw_values_come_back(tmp_path):
    e = explained(torch.rand(2, 32, 64))
    arrays, metadata = load_raw(e.save(tmp_path / "maps.npz"))
    assert (arrays["cam"] == e.cam.numpy()).all()
    assert (arrays["heatmap"] == e.heatmap.numpy()).all()
    assert set(arrays) == {"cam", "heatmap", "logits", "score", "target", "guided"}
    assert metadata["explained"] == ["pug 9.81", "pug 9.81"]


def test_what_is_no_raw_file_is_an_error(tmp_path):
    (tmp_path / "x.npz").write_text("x")
    with pytest.raises(InputError, match=r"x\.npz"):
        load_raw(tmp_path / "x.npz")


def test_a_name_that_no_file_type_has_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.png, \.jpg or \.npz"):
        explained(spot()).save(tmp_path / "map.xyz")


def test_a_comparison_is_a_sheet_of_rows_and_columns():
    rows = tuple((explained(spot()), explained(spot(20, 5), method="other")) for _ in range(3))
    sheet = Comparison(rows, ("gradcam", "other")).render(side=64)
    assert sheet.width > 3 * 64
    assert sheet.height > 3 * 32
