"""Notes as short codes: a table of those that camkit itself gives, and a code for any other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

# The code of a note, how it reads, and what is said of all of them. The first that fits counts.
TABLE: tuple[tuple[str, str, str], ...] = (
    ("blank-negative", "nothing at .* speaks for this target", "blank: the map is negative"),
    ("blank-untrained", "the gradient is exactly zero .* looks untrained", "blank: untrained"),
    ("blank-gradient", "the gradient is exactly zero", "blank: the score does not read the layer"),
    ("blank-zero", "the map is zero everywhere", "blank: no channel carries weight"),
    ("flat", "the map is the same everywhere", "the map is the same everywhere"),
    ("not-finite", "activations or gradients .* are not finite", "the map is not finite"),
    ("tie", "classes .* score almost alike", "the two best classes score almost alike"),
    ("untrained", "the model looks untrained", "the model looks untrained"),
    ("single-probability", "the only score looks like a probability", "the score is a probability"),
    ("probabilities", "the output looks like probabilities", "the output is probabilities"),
    ("features", "the output looks like features", "the output is features, not class scores"),
    ("batch-mixes", "the images of this batch mix", "the images of the batch depend on each other"),
    ("full-passes", "tail runs at .* took full forward passes", "edits took full forward passes"),
    ("no-eigen-smooth", "eigen smoothing did nothing", "eigen smoothing did nothing"),
    ("no-class-compared", "Finer-CAM compares classes", "Finer-CAM gave Grad-CAM"),
    (
        "target-score",
        "ShapleyCAM took the target's own score",
        "ShapleyCAM took the target's score",
    ),
    ("any-class", "whatever the class", "the map is the same whatever the class"),
    ("any-layer", "whatever the target layer", "the map is the same whatever the layer"),
    ("some-channels", r"(scored|ablated) \d+ of \d+ channels", "not all channels were tried"),
    (
        "unweighted-channels",
        r"\d+ channels sum to almost zero",
        "some channels' weights are those of Grad-CAM",
    ),
    (
        "sums-to-nothing",
        "activation times gradient adds up to next to nothing",
        "activation times gradient adds up to next to nothing",
    ),
    ("random", "random channel weights", "a baseline, not an explanation"),
    ("layers", "RefineCAM multiplied", "several layers were multiplied"),
    ("standard-error", "the map's standard error", "the map's standard error is given"),
    ("bfloat16", "this row was computed in bfloat16", "computed in bfloat16"),
)
_COMPILED = tuple((code, re.compile(pattern, re.DOTALL)) for code, pattern, _ in TABLE)
SENTENCES = {code: sentence for code, _, sentence in TABLE}
_OF_IMAGE = re.compile(r"image (\d+): ")
_NUMBERS = re.compile(r"\d[\d.,]*(e[+-]?\d+)?")


def code_of(note: str) -> str:
    """The code of a note without its "image 3: "; of one that is not in the table, of its text.

    Texts that differ in numbers alone have one code.

    >>> code_of("image data is upside down"), code_of("the model looks untrained: load weights")
    ('note-04375c37', 'untrained')
    """
    for code, pattern in _COMPILED:
        if pattern.search(note):
            return code
    return f"note-{blake2b(_NUMBERS.sub('#', note).encode(), digest_size=4).hexdigest()}"


def codes_of(notes: Iterable[str], images: int) -> tuple[list[list[str]], dict[str, str]]:
    """The codes for each image of a batch, and a whole sentence for each code.

    Args:
        notes: of an explanation: those of one image begin with "image 3: ", others are of all.
        images: how many images the batch has.
    """
    codes: list[list[str]] = [[] for _ in range(images)]
    sentences = {}
    for note in notes:
        match = _OF_IMAGE.match(note)
        text = note[match.end() :] if match else note
        code = code_of(text)
        sentences[code] = SENTENCES.get(code) or text
        for index in [int(match[1])] if match else range(images):
            if index < images and code not in codes[index]:
                codes[index].append(code)
    return codes, sentences
