"""What is read off the model's device: all of it at once, as on a GPU each read waits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import camkit_core as camkit
from camkit_core.forward.compiled import first_values
from camkit_core.results import readings
from helpers.small_cnn import Small, pictures
from helpers.waits import counted_waits


def test_several_tensors_come_in_one_copy_with_their_shapes_and_dtypes(monkeypatch) -> None:
    monkeypatch.setattr(readings, "on_the_cpu", lambda tensor: False)
    given = [torch.rand(3), torch.tensor([[5, 1000], [3, 2**24]]), torch.tensor(float("nan"))]
    read = readings.on_cpu(*given)
    assert [each.dtype for each in read] == [each.dtype for each in given]
    for one, other in zip(read, given, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "layercam"])
@pytest.mark.parametrize(("target", "waits"), [(1, 1), (None, 2)], ids=["a class", "the top class"])
def test_a_call_waits_for_the_device_once_and_once_for_the_top_classes(
    method: str, target: int | None, waits: int
) -> None:
    # Scores that might be probabilities are looked at once more.
    model, images = Small(wrap=lambda logits: 100 * logits).eval(), pictures(4).float()
    for _ in range(3):  # from then on all that rests on the model is known
        camkit.explain(model, images, method, target)
    with counted_waits() as reads:
        camkit.explain(model, images, method, target).heatmap  # noqa: B018 - computed when read
    assert len(reads) == waits


def test_what_a_call_reads_is_the_same_in_one_copy() -> None:
    model, images = Small().eval(), pictures(4).float()
    plain = camkit.explain(model, images, "gradcam")
    with counted_waits():
        copied = camkit.explain(model, images, "gradcam")
    assert (copied.notes, copied.reasons) == (plain.notes, plain.reasons)
    assert torch.equal(copied.target, plain.target)


def test_a_compiled_call_waits_once_more_for_a_value_of_each_weight(
    uncompiled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_values, "_by_address", first_values._joined)  # as on a GPU
    model, images = Small(wrap=lambda logits: 100 * logits).eval(), pictures(4).float()
    explainer = camkit.prepare(model, images, "gradcam", 1, compile=True)
    explainer(images)
    with counted_waits() as reads:
        explainer(images).heatmap  # noqa: B018 - computed when read
    assert [name for name in reads if name != "__array__"] == ["cpu"] * 2  # numpy reads the copies
