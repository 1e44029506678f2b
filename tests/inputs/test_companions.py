"""As many prompts, masks or partners as images: which of them go with the images row by row."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import transformers
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import InputError

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

METHODS = ("gradcam", "ablationcam", "scorecam", "groupcam", "sscam", "fullgrad")
IMAGES = torch.randn(3, 3, 8, 8, generator=torch.manual_seed(1))
VECTORS = torch.randn(3, 4, generator=torch.manual_seed(2))


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.f, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def pooled(self, images: Tensor) -> Tensor:
        return self.f(images).relu().mean((2, 3))


class Prompts(Body):
    """Images by texts, as CLIP: texts are the same for all images."""

    def forward(self, images: Tensor, texts: Tensor) -> dict[str, Tensor]:
        scores = 10 * F.normalize(self.pooled(images), dim=1) @ F.normalize(texts, dim=1).T
        return {"logits": scores, "per_text": scores.T, "texts": texts}


class Film(Body):
    """Scales each image's features by its own condition; broadcasting hides a missing row."""

    def forward(self, images: Tensor, texts: Tensor) -> Any:
        features = self.pooled(images)
        return {"logits": self.head((features * texts).sin()), "features": features}


class Pairs(Body):
    """Each image with its own partner, as in a Siamese network."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor, partners: Tensor) -> Tensor:
        distance = self.pooled(images) - self.twin(partners).relu().mean((2, 3))
        return self.head(distance.abs())


class Crossed(Body):
    """Each image's places attend to its own words."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, images: Tensor, words: Tensor) -> Tensor:
        places = self.f(images).relu().flatten(2).transpose(1, 2)
        return self.head(self.attend(places, words, words, need_weights=False)[0].mean(1))


class Averaged(Body):
    """All texts together scale every image."""

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        return self.head(self.pooled(images) * texts.mean(0))


class Masked(Body):
    """Texts with their mask are shared, the weights go with the images."""

    def forward(self, images: Tensor, texts: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
        return self.pooled(images) @ (texts * mask).T * weights


def others(model: nn.Module, count: int) -> tuple[dict[str, Tensor], list[str]]:
    """The inputs beside `count` images, as many rows each, and the names of the shared ones."""
    kind, texts = type(model), VECTORS[:count]
    if kind is Pairs:
        return {"partners": IMAGES.flip(0)[:count] * 2}, []
    if kind is Crossed:
        return {"words": torch.stack([texts, texts.cos()], 1)}, []
    if kind is Masked:
        shared = {"texts": texts, "mask": torch.ones(count, 4)}
        return shared | {"weights": texts[:, :1].exp()}, ["mask", "texts"]
    return {"texts": texts}, [] if kind is Film else ["texts"]


def alone(inputs: dict[str, Tensor], shared: list[str], image: int) -> dict[str, Tensor]:
    """The inputs for one image: its own rows, and what is shared."""
    return {k: v if k in shared else v[image : image + 1] for k, v in inputs.items()}


@pytest.mark.parametrize("kind", [Prompts, Film, Pairs, Crossed, Averaged, Masked])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_a_batch_gives_the_maps_of_its_images_alone(kind: Any, count: int, method: str) -> None:
    """The single images are those of a network in which the other inputs are constants."""
    model = kind().eval()
    inputs, shared = others(model, count)
    target = 0
    given = {"images": IMAGES[:count], **inputs}
    batch = camkit.explain(model, given, method, target, "f", image_input="images")
    for image in range(count):
        own = alone(inputs, shared, image)

        class Plain(kind):  # type: ignore[misc, valid-type]
            def forward(self, images: Tensor, own: dict[str, Tensor] = own) -> Any:
                rows = [super(Plain, self).forward(image[None], **own) for image in images]
                scores = [row["logits"] if isinstance(row, dict) else row for row in rows]
                return torch.cat(scores)

        single = camkit.explain(Plain().eval(), IMAGES[image : image + 1], method, target, "f")
        size = float(single.cam.abs().max())
        assert torch.allclose(batch.cam[image], single.cam[0], atol=1e-4 * size)


def test_the_metrics_of_a_batch_are_those_of_its_images() -> None:
    model, metrics = Prompts().eval(), ["average_drop", "insertion"]

    def judged(count: range) -> Any:
        given = {"images": IMAGES[list(count)], "texts": VECTORS}
        methods = ["gradcam", "scorecam"]
        ask = camkit.compare(model, given, methods, [2], "f", metrics=metrics)
        assert ask.judgement
        return [measure.values for measure in ask.judgement.measures]

    singles = [judged(range(image, image + 1)) for image in range(3)]
    for together, *apart in zip(judged(range(3)), *singles, strict=True):
        assert torch.allclose(together, torch.cat(apart), atol=1e-4)


@pytest.mark.parametrize(("kind", "shared"), [(Prompts, ["texts"]), (Film, [])])
def test_what_a_test_found_is_noted_and_can_be_said_instead(kind: Any, shared: list[str]) -> None:
    given = {"images": IMAGES, "texts": VECTORS}
    tested = camkit.explain(kind().eval(), given, "scorecam", 0, "f")
    said = camkit.explain(kind().eval(), given, "scorecam", 0, "f", shared_inputs=shared)
    assert torch.equal(tested.cam, said.cam)
    assert [note for note in tested.notes if f"shared_inputs={shared}" in note]
    assert not [note for note in said.notes if "shared_inputs" in note]


def test_a_position_names_a_shared_input_too() -> None:
    model = Prompts().eval()
    named = camkit.explain(model, {"images": IMAGES, "texts": VECTORS}, "scorecam", 0, "f")
    given = (IMAGES, VECTORS)
    for shared in (None, [1], 1):
        placed = camkit.explain(model, given, "scorecam", 0, "f", shared_inputs=shared)
        assert torch.equal(placed.cam, named.cam)


@pytest.mark.parametrize("wrong", [["text"], [0], ["images"]])
def test_a_shared_input_that_is_none_is_refused_with_those_there_are(wrong: list[Any]) -> None:
    given = {"images": IMAGES, "texts": VECTORS}
    with pytest.raises(InputError, match=r"^shared_inputs names .* those are: 'texts'$"):
        camkit.explain(Prompts().eval(), given, layer="f", shared_inputs=wrong)


def test_the_test_runs_once_for_a_model_and_shapes() -> None:
    model, runs = Prompts().eval(), []
    model.f.register_forward_hook(lambda *call: runs.append(1))
    for _ in range(2):
        runs.clear()
        camkit.explain(model, {"images": IMAGES, "texts": VECTORS}, layer="f", target=0)
    assert len(runs) == 1


def test_words_go_with_the_images_or_with_all_of_them() -> None:
    class Words(Body):
        def __init__(self, each: bool) -> None:
            super().__init__()
            self.each = each

        def forward(self, images: Tensor, words: list[str]) -> Tensor:
            lengths = torch.tensor([float(len(word)) for word in words])
            features = self.pooled(images).sum(1)
            if self.each:
                return torch.stack([f * n for f, n in zip(features, lengths, strict=True)])[:, None]
            return features[:, None] * lengths

    words = ["a", "four", "eleven"]
    for each in (True, False):
        model = Words(each).eval()
        batch = camkit.explain(model, (IMAGES, words), "scorecam", 1, "f")
        for image in range(3):
            given = (IMAGES[image : image + 1], words[image : image + 1] if each else words)
            single = camkit.explain(model, given, "scorecam", 1, "f")
            assert torch.allclose(batch.cam[image], single.cam[0], atol=1e-5)


def test_what_no_test_can_tell_is_noted() -> None:
    class Three(Prompts):
        def forward(self, images: Tensor, texts: Tensor) -> Any:
            assert len(images) == 3
            return super().forward(images, texts)

    given = {"images": IMAGES, "texts": VECTORS}
    explained = camkit.explain(Three().eval(), given, "gradcam", 0, "f")
    assert [note for note in explained.notes if "could not tell" in note]
    assert torch.equal(
        explained.cam, camkit.explain(Prompts().eval(), given, layer="f", target=0).cam
    )


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("prompts", [1, 3, 4])
def test_a_callable_gets_all_texts_whatever_the_number_of_runs(count: int, prompts: int) -> None:
    texts = torch.randn(prompts, 4, generator=torch.manual_seed(3))
    given, model = {"images": IMAGES[:count], "texts": texts}, Prompts().eval()
    last = lambda o: o["logits"][-1] + 0 * o["texts"].view(-1, 4)[prompts - 1].sum()  # noqa: E731
    for method in ("gradcam", "scorecam", "ablationcam"):
        asked = camkit.explain(model, given, method, last, "f", batch_size=4)
        plain = camkit.explain(model, given, method, lambda o: o["logits"][-1], "f")
        assert torch.allclose(asked.cam, plain.cam, atol=1e-5)


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam"])
def test_clip_gives_the_maps_of_its_image_tower(method: str) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}
    text = sizes | {"num_hidden_layers": 1, "vocab_size": 20, "max_position_embeddings": 8}
    text |= {"eos_token_id": 19, "bos_token_id": 0}
    vision = sizes | {"num_hidden_layers": 2, "image_size": 16, "patch_size": 4}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=4)
    torch.manual_seed(0)
    clip = transformers.CLIPModel(config).eval()
    layer, grid = "vision_model.encoder.layers.0.layer_norm2", camkit.tokens_to_grid(4, 4, 1)
    words = torch.tensor([[3, 4, 19], [7, 5, 19], [1, 8, 19]])
    images = torch.randn(3, 3, 16, 16)

    class Tower(nn.Module):
        def __init__(self, texts: Tensor) -> None:
            super().__init__()
            self.vision_model, self.texts = clip.vision_model, texts

        def forward(self, images: Tensor) -> Tensor:
            embedded = clip.visual_projection(self.vision_model(images).pooler_output)
            return clip.logit_scale.exp() * F.normalize(embedded, dim=1) @ self.texts.T

    for prompts in (1, 2, 3):
        read = {"input_ids": words[:prompts], "attention_mask": torch.ones(prompts, 3).long()}
        with torch.no_grad():
            texts = clip(pixel_values=images[:1], **read).text_embeds
        for count in (1, 2, 3):
            given = {"pixel_values": images[:count], **read}
            asked = {"target": 0, "layer": layer, "reshape_transform": grid}
            whole = camkit.explain(clip, given, method, output="logits_per_image", **asked)
            for image in range(count):
                one = images[image : image + 1]
                alone = camkit.explain(Tower(texts).eval(), one, method, **asked)
                size = float(alone.cam.abs().max())
                assert torch.allclose(whole.cam[image], alone.cam[0], atol=1e-4 * size)
