"""What the browser does to draw: as little as can be, once a frame, and as Python has it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import camkit_core as camkit
from helpers.studios import opened, score, slide, tiny_model

# Counts what is done to canvases, each of which costs as much as it has pixels.
COUNTING = """
window.done = [];
for (const name of ["putImageData", "clearRect", "stroke", "strokeRect", "fill"]) {
  const own = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...given) {
    window.done.push([name, this.canvas.className]);
    return own.apply(this, given);
  };
}
"""
# Moves a slider several times within a frame; gives what was done to canvases for that.
MOVED = """async ([label, values]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const named = (input) => [...input.labels].some((each) => each.textContent === label);
  const slider = [...document.querySelectorAll("input[type=range]")].find(named);
  await frame();
  window.done.length = 0;
  for (const value of values) {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
  for (let wait = 0; wait < 3; wait += 1) await frame();
  return window.done.map(([name, canvas]) => name + " " + canvas);
}"""


@pytest.fixture
def three(page, url):
    """A page with three maps side by side, all of them in view."""
    page.add_init_script(COUNTING)
    opened(page, f"{url}#methods=gradcam,layercam,gradcam%2B%2B&threshold=0.4")
    score(page).nth(0).wait_for()
    page.locator(".card .change", has_text="score").nth(2).wait_for()
    page.wait_for_timeout(300)
    return page


def test_a_threshold_paints_each_map_once_a_frame_however_often_it_moves(three):
    done = three.evaluate(MOVED, ["Threshold", [0.5, 0.55, 0.6, 0.65, 0.7]])
    assert done.count("putImageData heat") == 3
    assert done.count("clearRect marks") == 3
    assert done.count("stroke marks") == 2 * 3  # white on dark


@pytest.mark.parametrize("label", ["Opacity", "Before / after"])
def test_opacity_and_wipe_paint_nothing_anew(three, label):
    assert three.evaluate(MOVED, [label, [0.2, 0.3, 0.4]]) == []


def test_a_map_out_of_view_is_painted_when_it_comes_into_view(three):
    three.set_viewport_size({"width": 400, "height": 300})
    three.evaluate("window.scrollTo(0, 0)")
    three.wait_for_timeout(300)
    assert three.evaluate(MOVED, ["Threshold", [0.5]]).count("putImageData heat") == 1
    three.evaluate("window.done.length = 0")
    three.locator(".card").last.scroll_into_view_if_needed()
    three.wait_for_function("() => window.done.filter(([name]) => name === 'putImageData').length")


def picture(page) -> bytes:
    """The picture of the last map, as it is downloaded."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture of gradcam++").evaluate("button => button.click()")
    return bytes(download.value.path().read_bytes())


def test_a_picture_of_a_map_out_of_view_is_as_the_controls_say(three):
    slide(three, "Threshold", 0.8)
    three.wait_for_timeout(200)
    wanted = picture(three)
    slide(three, "Threshold", 0.2)
    three.wait_for_timeout(200)
    assert picture(three) != wanted
    three.set_viewport_size({"width": 400, "height": 300})
    three.evaluate("window.scrollTo(0, 0)")
    three.wait_for_timeout(300)
    slide(three, "Threshold", 0.8)
    assert picture(three) == wanted


TRACED = """async ([base, values, columns, rows, level]) => {
  const { Field } = await import(base + "static/contour.js");
  const field = new Field(Float32Array.from(values, (value) => value ?? NaN), columns, rows);
  field.contour(level / 2);
  return { lines: field.contour(level), share: field.shareAbove(level) };
}"""


def crossings(field: np.ndarray, level: float) -> set[tuple[float, float]]:
    """Where the level lies between neighbours of a field, as shares of its sides."""
    rows, columns = field.shape
    found = set()
    for y, x in np.ndindex(rows, columns):
        for down, right in ((0, 1), (1, 0)):
            if y + down >= rows or x + right >= columns:
                continue
            here, there = float(field[y, x]), float(field[y + down, x + right])
            if (here >= level) != (there >= level):
                part = (level - here) / (there - here)
                at = (x + 0.5 + right * part) / columns, (y + 0.5 + down * part) / rows
                found.add((round(at[0], 4), round(at[1], 4)))
    return found


def test_a_contour_goes_through_every_crossing_once(page, url):
    opened(page, url)
    made = np.random.default_rng(3).random((13, 17)).astype(np.float32)  # with many saddles
    traced = page.evaluate(TRACED, [url, made.ravel().tolist(), 17, 13, 0.6])
    lines = [np.reshape(line["points"], (-1, 2)) for line in traced["lines"]]
    points = [tuple(np.round(point, 4).tolist()) for line in lines for point in line]
    assert len(points) == len(set(points))
    assert set(points) == crossings(made, 0.6)
    assert traced["share"] == pytest.approx((made >= 0.6).mean())
    for line, told in zip(lines, traced["lines"], strict=True):
        steps = np.abs(np.diff(line, axis=0)) * [17, 13]
        assert (steps <= 1.001).all()  # from a side of a square to another one of it
        if not told["closed"]:
            ends = line[[0, -1]] * [17, 13]
            assert (np.isclose(ends, 0.5) | np.isclose(ends, [16.5, 12.5])).any(axis=1).all()


def test_what_the_model_did_not_see_is_below_every_level(page, url):
    opened(page, url)
    made = [None] * 8 + [0.5] * 8
    traced = page.evaluate(TRACED, [url, made, 4, 4, 0.2])
    assert [line["closed"] for line in traced["lines"]] == [False]
    assert traced["share"] == 0.5


def test_the_box_of_a_large_photo_is_pythons_to_the_pixel(page, url, home):
    Image.open(home / "mine.png").resize((1800, 1200)).save(home / "large.png")
    opened(page, url)
    page.set_input_files("#file", home / "large.png")
    page.locator(".thumb[title='large.png'][aria-pressed=true]").wait_for()
    score(page).wait_for()
    slide(page, "Threshold", 0.5)
    page.locator(".readout", has_text="above 0.5").wait_for()
    told = page.locator(".readout").inner_text()
    inside = camkit.explain(tiny_model(), str(home / "large.png")).on_original().numpy() >= 0.5
    rows, columns = np.nonzero(inside)
    wanted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    box = [int(side) for side in told.partition("box ")[2].split(",")]
    assert box == pytest.approx(wanted, abs=1)
    assert f"{100 * inside.mean():.0f} %" in told


def test_layers_are_asked_for_when_somebody_reaches_for_the_slider(page, url, requests):
    requests.clear()
    opened(page, url)
    page.wait_for_timeout(300)
    assert not any(each.endswith("api/layers") for each in requests)
    slider = page.get_by_label("Layer", exact=True)
    slider.focus()
    page.wait_for_function("() => document.querySelector('.layer output').textContent")
    before = page.locator(".where").inner_text()
    page.keyboard.press("ArrowLeft")
    page.locator(".where").filter(has_not_text=before).wait_for()
    assert "layer=" in page.url
    assert slider.evaluate("slider => slider === document.activeElement")
    assert sum(each.endswith("api/layers") for each in requests) == 1


def copied(page, home, monkeypatch, methods: list[str]) -> dict[str, np.ndarray]:
    """The pictures that the copied program draws, by method."""
    page.get_by_role("button", name="Copy as Python").click()
    program = page.locator("[data-code]:visible").inner_text()
    monkeypatch.chdir(home)
    exec(compile(program, "copied", "exec"), {})
    return {name: np.array(Image.open(home / f"{name}.png")).astype(int) for name in methods}


@pytest.fixture
def square(page, url, home):
    """A page that shows a square photo of 560 pixels, with two methods, thresholds and a wipe."""
    Image.open(home / "mine.png").resize((560, 560)).save(home / "square.png")
    opened(page, url)
    page.set_input_files("#file", home / "square.png")
    page.locator(".thumb[title='square.png'][aria-pressed=true]").wait_for()
    page.get_by_role("button", name="gradcam++", exact=True).click()
    page.locator(".card .change", has_text="score").nth(1).wait_for()
    page.get_by_label("Scale").select_option("common")
    slide(page, "Threshold", 0.35)
    slide(page, "Before / after", 0.25)
    slide(page, "Opacity", 0.8)
    page.wait_for_timeout(300)
    return page


def test_the_copied_program_draws_what_is_on_the_screen(square, home, monkeypatch):
    compare_with_screen(square, copied(square, home, monkeypatch, ["gradcam", "gradcam++"]), home)


def test_the_copied_program_draws_one_class_less_another(square, home, monkeypatch):
    square.get_by_role("button", name="Take the map of plain away").click()
    square.locator(".label", has_text="minus plain").nth(1).wait_for()
    square.wait_for_timeout(300)
    compare_with_screen(square, copied(square, home, monkeypatch, ["gradcam", "gradcam++"]), home)


def compare_with_screen(page, drawn: dict[str, np.ndarray], home) -> None:
    plain = np.array(Image.open(home / "square.png").convert("RGB")).astype(int)
    assert (np.abs(drawn["gradcam++"] - plain).max(axis=2) > 24).mean() > 0.4
    for name, program in drawn.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Picture of {name}", exact=True).click()
        screen = np.array(Image.open(download.value.path()).convert("RGB")).astype(int)
        assert program.shape == screen.shape
        apart = np.abs(program - screen).max(axis=2)
        assert (apart > 24).mean() < 0.04  # lines are smoothed otherwise, and the photo is a JPEG
