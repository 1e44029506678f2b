"""What a plugin's code raises names the plugin, whatever it raises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import camkit_core as camkit
from camkit_core import PluginError
from camkit_core.cli.common.unexpected import named
from camkit_core.plugins.blame import account
from camkit_core.testing.networks import conv_net, some_images
from helpers.fake_packages import Install

PLUGIN = """
import sys
class Odd(BaseException): ...
def f(*arguments):
    {does}
f.higher_is_better = True
"""
NAMES = {"adapter": "camkit_core.testing.networks.ConvNet"}


def installed(install: Install, kind: str, does: str) -> None:
    """A package with one plugin of that kind, which does that."""
    entry = f"[camkit.{kind}s]\n{NAMES.get(kind, 'bad')} = camkit_bad:f\n"
    install("camkit-bad", entry, camkit_bad=PLUGIN.format(does=does))


ASKS: dict[str, Any] = {
    "method": lambda: camkit.explain(conv_net(), some_images(), "bad", 1, "layer"),
    "renderer": lambda: camkit.explain(
        conv_net(), some_images(), lambda probe: probe.activations.sum(1), 1, "layer"
    ).render("bad"),
    "metric": lambda: camkit.compare(
        conv_net(), some_images(), [lambda probe: probe.activations.sum(1)], [1], "layer",
        metrics=["bad"],
    ),
    "adapter": lambda: camkit.explain(
        conv_net(), some_images(), lambda probe: probe.activations.sum(1), 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(ASKS))
@pytest.mark.parametrize(
    ("does", "how"),
    [
        ("sys.exit(7)", "ended with SystemExit: 7"),
        ("raise GeneratorExit", "ended with GeneratorExit"),
        ("raise Odd('!')", "ended with Odd: !"),
    ],
)
def test_a_plugin_that_would_end_the_program_is_an_error_that_names_it(
    fresh: Install, kind: str, does: str, how: str
) -> None:
    installed(fresh, kind, does)
    with pytest.raises(PluginError, match=rf"^{kind} .*camkit-bad 1\.0\) {how}$"):
        ASKS[kind]()


@pytest.mark.parametrize("kind", list(ASKS))
def test_an_ordinary_error_stays_what_it_is_with_a_note_that_names_the_plugin(
    fresh: Install, kind: str
) -> None:
    installed(fresh, kind, "raise KeyError('lost')")
    with pytest.raises(KeyError, match="lost") as raised:
        ASKS[kind]()
    [note] = raised.value.__notes__
    assert note.startswith(f"in {kind} ")
    assert named(raised.value) == f"KeyError: 'lost', {note}"
    assert "camkit-bad 1.0" in note


@pytest.mark.parametrize("kind", ["renderer", "adapter"])
def test_what_a_plugin_must_not_return_names_it(fresh: Install, kind: str) -> None:
    installed(fresh, kind, "return 3")
    with pytest.raises(PluginError, match=rf"^{kind} .*camkit-bad 1\.0\) must return an? .* int$"):
        ASKS[kind]()


def test_an_interrupt_and_a_function_of_the_users_own_are_passed_on(fresh: Install) -> None:
    installed(fresh, "method", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        ASKS["method"]()

    def leaves(probe: camkit.Probe) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        camkit.explain(conv_net(), some_images(), leaves, 1, "layer")


def test_an_account_of_an_error_is_always_made() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise GeneratorExit

    assert account(Mute()) == "Mute: (its text cannot be made: GeneratorExit)"
    assert account(GeneratorExit()) == "GeneratorExit"
    assert len(account(ValueError("long" * 10_000))) < 2100


@pytest.mark.parametrize(
    "cam",
    [
        torch.ones(2, 0, 6),
        torch.ones(2, 8, 8, device="meta"),
        torch.ones(2, 8, 8).to_sparse(),
        torch.ones(2, 8, 8, dtype=torch.complex64),
    ],
)
def test_a_map_without_values_is_refused(cam: torch.Tensor) -> None:
    with pytest.raises(camkit.CamkitError, match=r"must return a map \(N, h, w\) for 2 images"):
        camkit.explain(conv_net(), some_images(), lambda probe: cam, 1, "layer")


def test_a_renderer_cannot_change_the_explanation_nor_the_picture() -> None:
    explanation = camkit.explain(conv_net(), some_images(), "gradcam", 1, "layer", guided=True)
    before = [tensor.clone() for tensor in _tensors(explanation)]
    given = Image.new("RGB", (16, 16), "red")

    def paints(explanation: Any, index: int, picture: Image.Image) -> Image.Image:
        for tensor in _tensors(explanation):
            tensor.numpy()[...] = 0
        explanation.provenance.clear()
        explanation.options["new"] = 1
        picture.paste("blue", (0, 0, 16, 16))
        return picture

    assert explanation.render(paints, image=given).getpixel((0, 0)) == (0, 0, 255)
    assert all(map(torch.equal, before, _tensors(explanation)))
    assert explanation.provenance
    assert explanation.options == {}
    assert np.asarray(given)[0, 0].tolist() == [255, 0, 0]


def _tensors(explanation: Any) -> list[torch.Tensor]:
    names = ("cam", "heatmap", "logits", "target", "score", "images", "guided")
    return [getattr(explanation, name) for name in names]


def test_a_metric_cannot_change_what_others_read() -> None:
    @camkit.Metric(higher_is_better=True)
    def edits(case: camkit.Case) -> torch.Tensor:
        for tensor in (case.cam, case.heatmaps, case.images):
            tensor.numpy()[:] = 0
        return torch.zeros(2)

    @camkit.Metric(higher_is_better=True)
    def reads(case: camkit.Case) -> torch.Tensor:
        return case.cam.sum((1, 2)) + case.images.sum((1, 2, 3)) + case.heatmaps.sum((1, 2))

    def measured(metrics: list[Any]) -> Any:
        model, images = conv_net(), some_images()
        compared = camkit.compare(model, images, ["gradcam"], [1], "layer", metrics=metrics)
        return compared.judgement.measures[-1].values, compared[0, 0].cam, images  # type: ignore[union-attr]

    assert all(map(torch.equal, measured([edits, reads]), measured([reads])))


def test_a_target_cannot_change_what_others_read() -> None:
    def edits(output: torch.Tensor) -> torch.Tensor:
        return output.mul_(3).sub_(output.mean())[0]

    def compared(first: Any) -> Any:
        compared = camkit.compare(
            conv_net(),
            some_images(),
            ["gradcam", "scorecam"],
            [first, lambda output: output[1]],
            "layer",
        )
        return [(compared[1, column].cam, compared[1, column].logits) for column in range(2)]

    for found, expected in zip(compared(edits), compared(lambda output: output[0]), strict=True):
        assert all(map(torch.equal, found, expected))
