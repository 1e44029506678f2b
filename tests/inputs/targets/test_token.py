"""One token's logit as a target: which position, which token, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import TargetError, TokenTarget
from camkit_core.errors import TargetTypeError

LENGTH, VOCABULARY = 7, 20
WORDS = ["<pad>", "a", " red", " car", "the", "gir", "affe"]


class Tokenizer:
    """A word is a token, but for the giraffe."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        assert not add_special_tokens
        return [5, 6] if text == "giraffe" else [WORDS.index(text)] if text in WORDS else []

    def decode(self, tokens: list[int]) -> str:
        return "".join(WORDS[token] for token in tokens)


class Speaker(nn.Module):
    """Logits (N, tokens, vocabulary) that read image and tokens; each position another channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, LENGTH + 3, 3, padding=1)
        self.words = nn.Embedding(VOCABULARY, VOCABULARY)
        self.config = type("Config", (), {"image_token_id": 19})()

    def forward(
        self, pixel_values: Tensor, input_ids: Tensor, attention_mask: Any = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        seen = self.conv(pixel_values).relu().mean((2, 3))[:, : input_ids.shape[1]]
        logits = seen[..., None] * self.words(input_ids)
        kept = kwargs.get("logits_to_keep", 0)
        return {"logits": logits[:, kept if isinstance(kept, Tensor) else slice(-kept, None)]}


@pytest.fixture
def model() -> Speaker:
    return Speaker().eval()


@pytest.fixture
def inputs() -> dict[str, Any]:
    ids = torch.tensor([[4, 19, 19, 1, 2, 3, 4]])
    mask = torch.ones_like(ids)
    return {"pixel_values": torch.randn(1, 3, 8, 8), "input_ids": ids, "attention_mask": mask}


def explained(model: nn.Module, inputs: Any, target: Any) -> camkit.Explanation:
    return camkit.explain(model, inputs, target=target, layer="conv")


def test_the_next_token_is_the_models_own_top_choice(model: Any, inputs: Any) -> None:
    logits = model(**inputs)["logits"][0, -1]
    e = explained(model, inputs, TokenTarget())
    assert float(e.score) == pytest.approx(float(logits.max()))
    assert e.describe() == f"token {int(logits.argmax())} next {float(logits.max()):.2f}"
    assert torch.equal(explained(model, inputs, TokenTarget(7)).cam, e.cam)
    assert torch.equal(explained(model, inputs, TokenTarget(-1, int(logits.argmax()))).cam, e.cam)


@pytest.mark.parametrize(("position", "same"), [(3, -5), (4, -4), (5, -3), (6, -2)])
def test_a_position_is_that_of_the_token_whose_logit_stands_before_it(
    model: Any, inputs: Any, position: int, same: int
) -> None:
    token = int(inputs["input_ids"][0, position])
    expected = model(**inputs)["logits"][0, position - 1, token]
    e = explained(model, inputs, TokenTarget(position))
    assert float(e.score) == pytest.approx(float(expected), rel=1e-5)
    assert torch.equal(explained(model, inputs, TokenTarget(same)).cam, e.cam)
    other = explained(model, inputs, TokenTarget(position, 9))
    expected = model(**inputs)["logits"][0, position - 1, 9]
    assert float(other.score) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("left", [True, False])
def test_padding_is_not_counted_from_the_end(model: Any, inputs: Any, left: bool) -> None:
    pad = torch.zeros(1, 2, dtype=torch.long)
    padded = dict(inputs)
    for name in ("input_ids", "attention_mask"):
        padded[name] = torch.cat([pad, inputs[name]] if left else [inputs[name], pad], 1)
    logits = model(**padded)["logits"][0]
    last = 8 if left else 6
    e = explained(model, padded, TokenTarget(-1, 5))
    assert float(e.score) == pytest.approx(float(logits[last, 5]), rel=1e-5)
    e = explained(model, padded, TokenTarget(-2))
    assert float(e.score) == pytest.approx(float(logits[last - 1, 4]), rel=1e-5)
    with pytest.raises(TargetError, match="without padding"):
        explained(model, padded, TokenTarget(2 if left else 8))


def test_each_text_of_a_batch_has_its_own_end(model: Any, inputs: Any) -> None:
    ids = torch.tensor([[0, 0, 19, 1, 2, 3, 4], [4, 19, 19, 1, 2, 0, 0]])
    batch = {
        "pixel_values": torch.randn(2, 3, 8, 8),
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
    }
    logits = model(**batch)["logits"]
    e = explained(model, batch, TokenTarget(-1, 5))
    assert torch.allclose(e.score, torch.stack([logits[0, 6, 5], logits[1, 4, 5]]))
    e = explained(model, batch, [TokenTarget(-2), TokenTarget(4, 7)])
    assert torch.allclose(e.score, torch.stack([logits[0, 5, 4], logits[1, 3, 7]]))


@pytest.mark.parametrize("keep", [1, 3, torch.tensor([2, 6])])
def test_logits_that_are_kept_are_found(model: Any, inputs: Any, keep: Any) -> None:
    whole = explained(model, inputs, TokenTarget(-1, 5))
    part = explained(model, {**inputs, "logits_to_keep": keep}, TokenTarget(-1, 5))
    assert torch.equal(part.cam, whole.cam)
    with pytest.raises(TargetError, match="logits_to_keep leaves out"):
        explained(model, {**inputs, "logits_to_keep": keep}, TokenTarget(4))


def test_a_token_by_its_text(model: Any, inputs: Any) -> None:
    by_text = TokenTarget(-1, " car", tokenizer=Tokenizer())
    e = explained(model, inputs, by_text)
    assert torch.equal(e.cam, explained(model, inputs, TokenTarget(-1, 3)).cam)
    assert e.describe().startswith("token ' car' next ")
    processor = type("Processor", (), {"tokenizer": Tokenizer()})()
    there = explained(model, inputs, TokenTarget(4, tokenizer=processor))
    assert there.describe().startswith("token ' red' at 4 ")
    with pytest.raises(TargetError, match=r"is 2 tokens to this tokenizer: 5 \('gir'\), 6 \('affe"):
        TokenTarget(-1, "giraffe", tokenizer=Tokenizer())
    with pytest.raises(TargetError, match="is 0 tokens"):
        TokenTarget(-1, "cat", tokenizer=Tokenizer())
    with pytest.raises(TargetError, match="needs the model's tokenizer"):
        TokenTarget(-1, " car")


@pytest.mark.parametrize("position", [0, 8, -9, 1, 2])
def test_a_position_without_a_word_is_refused(model: Any, inputs: Any, position: int) -> None:
    with pytest.raises(TargetError, match=r"1 to 7, where 7, or -1|stand at 3 to 7"):
        explained(model, inputs, TokenTarget(position))


def test_what_is_no_token_is_refused(model: Any, inputs: Any) -> None:
    with pytest.raises(TargetError, match="none of the model's 20 tokens"):
        explained(model, inputs, TokenTarget(-1, 20))
    with pytest.raises(TargetTypeError, match="position"):
        TokenTarget("last")  # type: ignore[arg-type]
    with pytest.raises(TargetTypeError, match="tokenizer= as one of transformers"):
        TokenTarget(-1, tokenizer="bert")
    with pytest.raises(TargetError, match="given input_ids"):
        camkit.explain(nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8), target=TokenTarget())
    several = {**inputs, "pixel_values": torch.randn(3, 3, 8, 8)}
    several["input_ids"] = inputs["input_ids"].repeat(2, 1)
    with pytest.raises(TargetError, match="one text with its images at a time"):
        explained(model, several, TokenTarget())


def test_one_pass_explains_each_word_of_an_answer(model: Any, inputs: Any) -> None:
    answer = torch.cat([inputs["input_ids"], torch.tensor([[3, 1]])], 1)
    full = camkit.with_answer({**inputs, "mm_token_type_ids": answer[:, :7] * 0 + 1}, answer)
    assert full["attention_mask"].tolist() == [[1] * 9]
    assert full["mm_token_type_ids"].tolist() == [[1] * 7 + [0] * 2]
    words = [TokenTarget(p) for p in range(7, 9)]
    compared = camkit.compare(model, full, targets=words, layer="conv")
    logits = model(**full)["logits"][0]
    assert float(compared[0, 0].score) == pytest.approx(float(logits[6, 3]), rel=1e-5)
    assert float(compared[1, 0].score) == pytest.approx(float(logits[7, 1]), rel=1e-5)
    with pytest.raises(camkit.InputError, match="begins with the prompt"):
        camkit.with_answer(inputs, torch.tensor([[3, 1]]))
