"""The page in a browser: clicked, painted on, saved, and used without eyes or a mouse."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import camkit_core as camkit
from helpers.studios import opened, pixels, score, slide, tiny_model
from helpers.tiny_classifier import NAMES


def sides(box: str) -> list[int]:
    return [int(side) for side in box.split(",")]


def test_from_an_upload_to_code_that_gives_the_same_map(page, url, home, monkeypatch, capsys):
    opened(page, url)
    page.set_input_files("#file", home / "mine.png")
    page.locator(".thumb[title='mine.png'][aria-pressed=true]").wait_for()
    score(page).wait_for()
    page.get_by_role("button", name=NAMES[2]).first.click()
    page.get_by_role("button", name="layercam", exact=True).or_(
        page.get_by_text("More methods")
    ).first.click()
    page.get_by_role("button", name="hirescam", exact=True).click()
    page.locator(".card", has_text="hirescam").locator(".change", has_text="score").wait_for()
    page.get_by_role("button", name="gradcam", exact=True).click()
    page.locator(".card", has_text="gradcam").wait_for(state="detached")
    slide(page, "Opacity", 0.9)
    assert page.locator(".heat").evaluate("heat => heat.style.opacity") == "0.9"
    slide(page, "Threshold", 0.5)
    page.locator(".readout", has_text="above 0.5").wait_for()
    assert pixels(page, ".marks").any()
    assert (pixels(page)[..., 3] == 0).any()

    before = page.locator(".change").inner_text()
    page.get_by_role("button", name="Brush").click()
    page.locator(".stage").click(position={"x": 200, "y": 150})
    page.locator(".change", has_text="→").wait_for()
    assert before.split()[1] in page.locator(".change").inner_text()

    with page.expect_download() as download:
        page.get_by_role("button", name="Raw values of hirescam").click()
    download.value.save_as(home / "map.npz")
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture of hirescam").click()
    download.value.save_as(home / "map.png")
    assert Image.open(home / "map.png").size == (120, 80)

    page.get_by_role("button", name="Copy as Python").click()
    program = page.locator("[data-code]:visible").inner_text()
    page.mouse.move(0, 0)
    page.locator(".readout", has_text="above 0.5").wait_for()
    box = page.locator(".readout").inner_text().partition("box ")[2]
    monkeypatch.chdir(home)
    names: dict = {}
    exec(compile(program, "copied", "exec"), names)
    arrays, _ = camkit.load_raw(home / "map.npz")
    assert "picture[" in program
    assert np.allclose(arrays["cam"], names["e"].cam.numpy(), rtol=1e-4, atol=1e-7)
    assert np.allclose(arrays["score"], names["e"].score.numpy(), rtol=1e-4)
    assert (home / "why.png").is_file()
    printed = capsys.readouterr().out.partition("above 0.5: (")[2].partition(")")[0]
    assert sides(printed) == pytest.approx(sides(box), abs=2)


def test_the_map_on_the_screen_is_the_heatmap_of_python(page, url, home):
    opened(page, url)
    page.set_input_files("#file", home / "mine.png")
    page.locator(".thumb[title='mine.png'][aria-pressed=true]").wait_for()
    score(page).wait_for()
    page.wait_for_timeout(200)
    shown = pixels(page)
    explained = camkit.explain(tiny_model(), str(home / "mine.png"))
    wanted = np.array(explained.render("overlay", colormap="inferno", alpha=1.0).resize((560, 373)))
    heat = Image.fromarray(explained.on_original().numpy()).resize((560, 373))
    sure = np.array(heat) > 0.55  # where the overlay has all of its opacity
    assert sure.sum() > 100
    assert np.abs(shown[..., :3][sure] - wanted[sure].astype(int)).mean() < 6


def test_a_reload_restores_what_was_shown(page, url):
    opened(page, url)
    page.get_by_role("button", name=NAMES[1]).first.click()
    page.get_by_role("button", name="gradcam++", exact=True).click()
    page.get_by_label("Colours").select_option("viridis")
    page.get_by_label("Scale").select_option("common")
    slide(page, "Before / after", 0.25)
    page.locator(".card", has_text="gradcam++").locator(".change", has_text="score").wait_for()
    page.wait_for_timeout(300)
    before = page.url, pixels(page).tobytes()
    page.reload()
    page.locator(".card", has_text="gradcam++").locator(".change", has_text="score").wait_for()
    page.wait_for_timeout(200)
    assert (page.url, pixels(page).tobytes()) == before
    assert page.locator(".bar[aria-pressed=true]").inner_text().startswith(NAMES[1])
    assert page.get_by_label("Before / after").input_value() == "0.25"
    page.go_back()
    page.locator(".card", has_text="gradcam++").wait_for(state="detached")


def test_one_class_less_another_is_drawn_in_two_colours(page, url):
    opened(page, url)
    page.get_by_role("button", name="Take the map of plain away").click()
    page.locator(".label", has_text="minus plain").wait_for()
    shown = pixels(page)
    opaque = np.unique(shown[shown[..., 3] == 255][:, :3], axis=0).tolist()
    assert opaque in ([[94, 60, 153]], [[230, 97, 1]], [[94, 60, 153], [230, 97, 1]])


def test_a_saved_page_works_from_a_file_with_nothing_else(page, url, home, requests):
    opened(page, url)
    first = pixels(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Page").click()
    saved = home / "saved <page>.html"
    download.value.save_as(saved)
    assert "<img src=x" not in saved.read_text()
    requests.clear()
    page.goto(saved.as_uri())
    page.locator(".card .change", has_text="score").wait_for()
    page.wait_for_timeout(200)
    assert np.array_equal(pixels(page), first)
    page.get_by_role("button", name=NAMES[2]).click()
    page.locator(".label", has_text=NAMES[2]).wait_for()
    slide(page, "Threshold", 0.4)
    assert [each for each in requests if not each.startswith(("file:", "data:", "blob:"))] == []


def test_the_keyboard_alone_suffices(page, url):
    opened(page, url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the maps"
    page.get_by_role("combobox", name="Search any class").focus()
    page.keyboard.type("straß")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".label", has_text="Straßenbahn").wait_for()
    page.locator(".stage").focus()
    page.keyboard.press("ArrowRight")
    assert re.search(r"cell \d, \d of 8 . 8", page.locator(".readout").inner_text())
    page.get_by_role("button", name="Brush").focus()
    page.keyboard.press("Enter")
    page.locator(".stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.locator(".change", has_text="→").wait_for()


def test_whether_to_trust_it_is_said_beside_baselines(page, url):
    opened(page, url)
    told = {"done": 5, "total": 20, "what": "insertion of centre"}
    told |= {"share": 0.25, "seconds": 10}
    page.route("**/api/progress", lambda route: route.fulfill(json=told))
    page.route("**/api/trust", lambda route: (page.wait_for_timeout(1000), route.continue_()))
    page.get_by_role("button", name="Judge these methods").click()
    page.get_by_text("insertion of centre: 5 of 20 measurements made, about 30 s left").wait_for()
    page.locator(".trust .lead").wait_for()
    assert page.locator("progress").count() == 0
    assert page.locator(".trust tr.baseline").count() >= 3
    assert page.locator(".trust li").count() >= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_any_width(chromium, url, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = chromium.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    opened(page, f"{url}#methods=gradcam,hirescam&threshold=0.4&painted=5,5,20,20")
    page.get_by_role("button", name="Copy as command").click()
    page.locator("[data-code]:visible").wait_for()
    for width in (320, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        found = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_no_request_left_this_machine(page, url, requests):
    opened(page, url)
    assert len(requests) > 10
    local = (url, "data:", "blob:", "file:")
    assert [each for each in requests if not each.startswith(local)] == []


def test_the_json_of_the_screen_has_the_values_row_by_row(page, url):
    opened(page, url)
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    written = json.loads(download.value.path().read_text())
    assert np.shape(written["maps"][0]["values"]) == (8, 8)


def test_a_notebooks_widget_draws_the_same_maps(chromium, home):
    pytest.importorskip("anywidget")
    maps = camkit.compare(tiny_model(), str(home / "mine.png"), ["gradcam", "hirescam"], [1, 2])
    widget = maps.widget()
    page = chromium.new_page()
    page.set_content(f"<style>{widget._css}</style><div id=here></div>")
    page.evaluate(
        """async ([code, values]) => {
            const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
            const widget = (await import(address)).default;
            const model = { get: () => values, on: () => null };
            widget.render({ model, el: document.getElementById("here") });
        }""",
        [widget._esm, widget.values],
    )
    page.get_by_role("button", name=NAMES[2]).click()
    page.locator(".card", has_text="hirescam").locator(".label", has_text=NAMES[2]).wait_for()
    page.wait_for_timeout(200)
    assert pixels(page).any()
    page.close()


@pytest.mark.parametrize("there", [False, True])
def test_a_camera_is_offered_where_there_is_one(page, url, there):
    devices = [{"kind": "videoinput"}] if there else [{"kind": "audioinput"}]
    page.add_init_script(f"navigator.mediaDevices.enumerateDevices = async () => {devices}")
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => {"
        " throw Object.assign(new Error(), { name: 'NotAllowedError' }) }"
    )
    opened(page, url)
    button = page.get_by_role("button", name="Camera", exact=True)
    assert button.count() == there
    if there:
        button.click()
        page.get_by_text("the browser was not allowed to use the camera").wait_for()


def paste(page, kind: str, name: str) -> None:
    """Paste a file of a kind, a red picture where it is one."""
    page.evaluate(
        """async ([kind, name]) => {
            const canvas = new OffscreenCanvas(90, 60);
            canvas.getContext("2d").fillRect(10, 10, 30, 30);
            const blob = kind === "image/png" ? await canvas.convertToBlob() : "words";
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], name, { type: kind }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }""",
        [kind, name],
    )


def test_a_pasted_photo_is_explained_and_its_name_is_a_text(page, url):
    opened(page, url)
    paste(page, "text/plain", "words.txt")
    name = "<b>图片 Straße.png"
    paste(page, "image/png", name)
    page.wait_for_function(
        "name => document.querySelector('.stage .photo')?.alt === name", arg=name
    )
    score(page).wait_for()
    assert page.locator(".thumb").count() == 2


def test_what_is_no_photo_is_told_by_its_name_and_the_map_stays(chromium, url, home):
    page = chromium.new_page()  # the refusal is an error on its console
    opened(page, url)
    (home / "words.txt").write_text("words")
    page.set_input_files("#file", home / "words.txt")
    page.get_by_text("words.txt: not a picture").wait_for()
    assert score(page).is_visible()
    page.close()


def test_what_was_painted_is_there_again_after_a_reload(page, url):
    opened(page, f"{url}#painted=5,5,20,20;30,30,40,40")
    page.locator(".painted div").nth(1).wait_for()
    box = page.locator(".painted div").first
    assert box.evaluate("box => [box.style.left, box.style.width]") == ["8.33333%", "25%"]
