"""TextTarget, on embeddings that are known: no tokenizer and no text tower."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import camkit_core as camkit
from camkit_core import Adapter, TextTarget
from camkit_core.forward.counting import counting

NET = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6)
)
IMAGES = torch.randn(3, 3, 16, 12, generator=torch.Generator().manual_seed(0))
EMBEDDINGS = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))


def test_an_embedding_is_compared_as_by_similarity_target() -> None:
    e = camkit.explain(NET, IMAGES, target=TextTarget(EMBEDDINGS[0]))
    same = camkit.explain(NET, IMAGES, target=camkit.SimilarityTarget(EMBEDDINGS[0]))
    torch.testing.assert_close(e.cam, same.cam)
    torch.testing.assert_close(e.score, same.score)


def test_of_several_each_image_gets_its_most_similar_one() -> None:
    e = camkit.explain(NET, IMAGES, target=TextTarget(EMBEDDINGS))
    own = torch.cosine_similarity(NET(IMAGES)[:, None], EMBEDDINGS[None], dim=2).detach()
    torch.testing.assert_close(e.score, own.amax(1))
    each = camkit.compare(NET, IMAGES, targets=TextTarget(EMBEDDINGS).each())
    for image, best in enumerate(own.argmax(1).tolist()):
        torch.testing.assert_close(e.cam[image], each[best, 0].cam[image])
        assert e.describe(image).startswith(f"text {best} ")


def test_against_others_the_score_is_the_lead() -> None:
    e = camkit.explain(NET, IMAGES, target=TextTarget(EMBEDDINGS[0], against=EMBEDDINGS[1:]))
    own = torch.cosine_similarity(NET(IMAGES)[:, None], EMBEDDINGS[None], dim=2).detach()
    torch.testing.assert_close(e.score, own[:, 0] - own[:, 1:].mean(1))


def test_each_image_may_have_a_text_of_its_own() -> None:
    targets = [TextTarget(row) for row in EMBEDDINGS[:3]]
    e = camkit.explain(NET, IMAGES, target=targets)
    rows = camkit.compare(NET, IMAGES, targets=targets)
    for image in range(3):
        torch.testing.assert_close(e.cam[image], rows[image, 0].cam[image])


def test_texts_are_embedded_as_the_adapter_says() -> None:
    asked: list[Any] = []

    def embed_texts(model: Any, texts: list[str], tokenizer: Any) -> torch.Tensor:
        asked.append((texts, tokenizer, torch.is_grad_enabled()))
        return EMBEDDINGS[: len(texts)]

    adapter = Adapter(embed_texts=embed_texts)
    target = TextTarget(["a cat", "a dog"], tokenizer=str.split)
    e = camkit.explain(NET, IMAGES, target=target, adapter=adapter)
    assert asked == [(["a cat", "a dog"], str.split, False)]
    assert e.describe().rpartition(" ")[0] in ("a cat", "a dog")
    assert [each.text for each in target.each()] == ["a cat", "a dog"]


def test_one_search_finds_the_layer_for_all_texts() -> None:
    model = nn.Sequential(*NET)
    with counting() as before:
        camkit.explain(model, IMAGES, target=TextTarget(EMBEDDINGS[0]))
    with counting() as after:
        camkit.explain(model, IMAGES, target=TextTarget(EMBEDDINGS[1]))
    assert before["search"] > 0
    assert after.get("search", 0) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "as a text, a list of texts, or embeddings"),
        ([], "none of them empty"),
        (["a cat", " "], "none of them empty"),
        (["a cat", 3], "as a text, a list of texts"),
        (torch.ones(2, 3, dtype=torch.long), "in floating point"),
        (torch.ones(2, 3, 4), r"\(D,\) or \(T, D\)"),
    ],
)
def test_what_is_no_text_is_refused(given: Any, said: str) -> None:
    with pytest.raises(camkit.TargetError, match=said):
        TextTarget(given)


def test_what_can_only_be_known_with_the_model_is_said_then() -> None:
    with pytest.raises(camkit.TargetError, match="no adapter knows how Sequential embeds texts"):
        camkit.explain(NET, IMAGES, target=TextTarget("a cat"))
    with pytest.raises(camkit.TargetError, match="has 6 numbers, and the text's has 5"):
        camkit.explain(NET, IMAGES, target=TextTarget(torch.ones(5)))
    with pytest.raises(camkit.TargetError, match="pass it to explain"):
        TextTarget("a cat")(EMBEDDINGS[0])
    with pytest.raises(camkit.TargetError, match="tokenizer= as a function"):
        TextTarget("a cat", tokenizer="clip")  # type: ignore[arg-type]
