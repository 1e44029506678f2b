"""Notes become codes that stay the same, and each code has a sentence."""

from __future__ import annotations

import pytest

from camkit_core.datasets.codes import SENTENCES, TABLE, code_of, codes_of
from camkit_core.probe.touching import NOTE as TOUCHING
from camkit_core.results import caveats


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (caveats.UNTRAINED, "untrained"),
        (caveats.UNTRAINED_HEAD, "untrained"),
        (caveats.PROBABILITIES, "probabilities"),
        (caveats.SINGLE_PROBABILITY, "single-probability"),
        (caveats.FEATURES, "features"),
        (TOUCHING, "batch-mixes"),
        ("Eigen-CAM shows what the layer responds to, whatever the class", "any-class"),
    ],
)
def test_camkits_own_notes_have_codes_of_the_table(note, code):
    assert code_of(note) == code


def test_no_two_rows_of_the_table_have_one_code():
    assert len(SENTENCES) == len(TABLE)


def test_an_unknown_note_gets_a_code_that_does_not_depend_on_its_numbers():
    assert code_of("took 3 of 12 runs") == code_of("took 5 of 100 runs") != code_of("took all")


def test_a_note_on_one_image_is_a_code_of_that_image_alone():
    notes = ["image 1: the map is zero everywhere: no channel", "took 3 runs"]
    codes, sentences = codes_of(notes, 3)
    other = code_of("took 3 runs")
    assert codes == [[other], ["blank-zero", other], [other]]
    assert sentences == {"blank-zero": SENTENCES["blank-zero"], other: "took 3 runs"}
