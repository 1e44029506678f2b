"""How fast the studio's page is: its first map, the frames of its sliders, and its end.

    python benchmarks/studio_page.py [--methods 4] [--frames 120]

Serves `camkit studio` in a process of its own, and drives Chromium, which draws without a graphics
card. Each slider is moved once a frame. Prints the time between two frames (16.7 ms are the
screen's own), and then the milliseconds that the page's main thread and other threads work in a
frame, by Chromium's trace: script, style, layout and paint. Frames depend on what else the machine
does; the work in CPU time does so less.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

METHODS = ("gradcam++", "xgradcam", "layercam", "hirescam", "eigencam", "finercam", "fem")
SLIDERS = ("Opacity", "Threshold", "Before / after")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-background-networking"]
UNPACED = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]  # frames as fast as they go
# One value a frame, as a hand gives them; the time is that from frame to frame.
MOVE = """async ([label, frames]) => {
  const labelled = (input) => [...input.labels].some((each) => each.textContent === label);
  const input = [...document.querySelectorAll("input[type=range]")].find(labelled);
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  await frame();
  let last = await frame();
  for (let index = 0; index < frames; index += 1) {
    input.value = 0.02 + 0.9 * Math.abs(Math.sin((3 * index) / frames));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}"""


@contextmanager
def studio(command: list[str]) -> Iterator[str]:
    """The address of a studio; says how long its start and its end take."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address = process.stdout.readline().strip()
    print(f"address: {time.perf_counter() - begun:.2f} s after the command")
    try:
        yield address
    finally:
        begun = time.perf_counter()
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        print(f"Ctrl-C: ended with {code} after {time.perf_counter() - begun:.2f} s")


def first_maps(chromium: Any, address: str) -> Any:
    """A page that shows its map; opened three times, to tell how long that takes."""
    for run in range(3):
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        begun = time.perf_counter()
        page.goto(address)
        page.locator(".card .change", has_text="score").first.wait_for()
        print(f"first map: {time.perf_counter() - begun:.2f} s after the page is opened")
        if run < 2:
            page.context.close()
    return page


def show(page: Any, methods: tuple[str, ...]) -> None:
    """Have the maps of further methods beside the first."""
    for name in methods:
        chip = page.get_by_role("button", name=name, exact=True)
        if not chip.is_visible():
            page.locator("summary").first.click()
        chip.click()
        card = page.locator(".card", has=page.get_by_text(name, exact=True))
        card.locator(".change", has_text="score").wait_for()
    page.wait_for_timeout(1500)


def frames(chromium: Any, page: Any, label: str, count: int) -> None:
    """Move a slider, and print how long frames take and what is worked in them."""
    print(paced(page, label, count))
    with tempfile.TemporaryDirectory() as folder:  # a trace costs time itself
        trace = Path(folder, "trace.json")
        chromium.start_tracing(page=page, path=trace, categories=["devtools.timeline", "toplevel"])
        page.evaluate(MOVE, [label, count])
        chromium.stop_tracing()
        events = json.loads(trace.read_text())["traceEvents"]
    print("  work a frame in CPU ms:", worked(events, count))


def paced(page: Any, label: str, count: int) -> str:
    """How long the frames take in which a slider moves."""
    times = sorted(page.evaluate(MOVE, [label, count]))
    late = sum(each > 25 for each in times)
    return (
        f"{label}: {statistics.median(times):.1f} ms a frame (median), "
        f"{times[int(0.9 * count)]:.1f} (9 of 10), {times[-1]:.1f} (all); {late} of {count} late"
    )


def worked(events: list[dict[str, Any]], count: int) -> str:
    """CPU milliseconds a frame, by what the page's main thread did, and by thread."""
    names = {
        (each["pid"], each["tid"]): each["args"]["name"]
        for each in events
        if each["name"] == "thread_name"
    }
    threads: defaultdict[str, float] = defaultdict(float)
    parts: defaultdict[str, float] = defaultdict(float)
    for each in events:
        if each.get("ph") != "X":
            continue
        spent = each.get("tdur", 0) / 1000 / count
        name = names.get((each["pid"], each["tid"]), "?")
        if "RunTask" in each["name"]:
            threads[name] += spent
        elif name == "CrRendererMain":
            parts[each["name"]] += spent
    told = [f"{name} {spent:.1f}" for name, spent in ranked(threads)]
    return f"{', '.join(told)}; in the page: " + ", ".join(
        f"{name} {spent:.2f}" for name, spent in ranked(parts)
    )


def ranked(spent: dict[str, float]) -> list[tuple[str, float]]:
    """The most first, without what is next to nothing."""
    most = sorted(spent.items(), key=lambda each: -each[1])
    return [each for each in most if each[1] >= 0.05][:10]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--methods", type=int, default=4, help="maps side by side")
    parser.add_argument("--frames", type=int, default=120, help="frames of each slider")
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "camkit_core", "studio", "--no-browser"]
    with sync_playwright() as playwright, studio(command) as address:
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        page = first_maps(chromium, address)
        show(page, METHODS[: asked.methods - 1])
        for label in SLIDERS:
            frames(chromium, page, label, asked.frames)
        chromium.close()
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS + UNPACED)
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(address)
        show(page, METHODS[: asked.methods - 1])
        for label in SLIDERS:
            print(f"not paced by a screen: {paced(page, label, asked.frames)}")
        chromium.close()


if __name__ == "__main__":
    main()
