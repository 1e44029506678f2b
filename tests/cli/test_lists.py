"""`camkit list-methods` and its like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import camkit_core
from camkit_core.cli import main
from camkit_core.cli.listing.table import table
from helpers.fake_packages import GOOD, GOOD_CODE, Install
from helpers.registries import Capture


def test_a_list_is_aligned_and_problems_go_to_stderr(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook="import nowhere")
    fresh("camkit-evil", "[camkit.methods]\ngradcam = camkit_evil:f\n", camkit_evil="def f(): ...")
    assert main(["list-methods"]) == 0
    out, err = capsys.readouterr()
    heading, *rows, others, last = out.splitlines()
    assert heading.startswith("the five: papers compare with these")
    assert others == "of other packages"
    rows.append(last)
    assert [row.split()[0] for row in rows] == ["gradcam", "gradcam++", "camkit-evil:gradcam"]
    assert rows[0].endswith("  1 run")
    assert rows[2].endswith("  camkit-evil 1.0 (shadowed)")
    assert (
        len({row.index(word) for row, word in zip(rows[:2], ("1 run", "1 run"), strict=True)}) == 1
    )
    assert err.count("\n") == 1
    assert err.startswith("camkit: plugin camkit-hook 0.5 (camkit:mine) is left out: ")


def test_json_holds_the_problems_and_stderr_nothing(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook="import nowhere")
    assert main(["list-archs", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["schema"] == 1
    assert document["adapters"][0]["value"] == "camkit_archs.resnet:adapter"
    assert document["problems"][0]["distribution"] == "camkit-hook"


def test_each_kind_has_its_list(fresh: Install, capsys: Capture) -> None:
    assert main(["list-archs"]) == 0
    assert capsys.readouterr().out.startswith("torchvision.models.resnet  The last residual block")
    assert main(["list-renderers"]) == 0
    assert capsys.readouterr().out == ""


def test_a_table_fits_the_terminal_and_nothing_is_cut() -> None:
    rows = [("cam", "long " * 30, "1 run"), ("x" * 50, "short", "")]
    lines = table(rows, 60)
    assert max(map(len, lines)) <= 60
    assert sum(line.count("long") for line in lines) == 30
    assert lines[-2:] == ["x" * 50, f"{'':5}short"]
    assert len(table(rows, 1000)) == 2


def test_metrics_say_which_direction_is_better(capsys: Capture) -> None:
    assert main(["list-metrics"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert rows["insertion"].endswith("  higher is better")
    assert rows["deletion"].endswith("  lower is better")
    assert rows["area"].endswith("  a check: fails above 0.9")


def test_each_method_of_camkit_states_its_cost(capsys: Capture) -> None:
    assert main(["list-methods", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["methods"]}
    own = [row for row in rows.values() if row["distribution"] == "camkit"]
    assert all(row["cost"] for row in own)
    assert rows["scorecam"]["cost"] == "1 run per channel"


def test_listing_imports_nothing_heavy_and_no_plugin(install: Install) -> None:
    site = install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    script = (
        "import sys; from camkit_core.cli import main; main(['list-methods']); heavy = {'torch', "
        "'numpy', 'PIL', 'cv2', 'camkit_good', 'camkit_methods'}; print(sorted(heavy & "
        "set(sys.modules)))"
    )
    paths = [str(site), str(site.parent / "camkit"), str(Path(camkit_core.__file__).parents[1])]
    path = f"import sys; sys.path[:0] = {paths}; "
    run = [sys.executable, "-c", path + script]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "mycam" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
