"""The figures on token activation maps, with fewer draws."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

from token_activation import hits

from helpers import language


def test_logits_of_image_tokens_find_the_place_only_where_these_say_words() -> None:
    speaking = hits(language.llava(), 20)
    assert (speaking["gradcam"], speaking["logits"], speaking["less the context"]) == (20, 20, 20)
    silent = hits(language.llava(silent=True), 20)
    assert silent["gradcam"] == 20
    assert silent["logits"] <= 4
    assert silent["filtered"] <= 5
