"""Captions: a strip of text below a picture, in lines that fit its width."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

INK, PAPER, WARNING = (32, 33, 36), (255, 255, 255), (255, 244, 214)


def captioned(
    picture: Image.Image, text: str, *, paper: tuple[int, int, int] = PAPER
) -> Image.Image:
    """`picture` with a strip of text below it, broken into lines that fit."""
    size = max(11, min(28, round(picture.width / 28)))
    font = ImageFont.load_default(size=size)
    lines = wrapped(text, font, picture.width - size)
    line_height = round(size * 1.35)
    height = picture.height + line_height * len(lines) + size
    page = Image.new("RGB", (picture.width, height), paper)
    page.paste(picture, (0, 0))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        top = picture.height + size / 2 + number * line_height
        draw.text((picture.width / 2, top), line, INK, font, anchor="ma")
    return page


def no_evidence(picture: Image.Image, reason: str) -> Image.Image:
    """`picture` as it is, with a caption that says why there is no heatmap."""
    return captioned(picture, f"no evidence: {reason}", paper=WARNING)


def wrapped(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> list[str]:
    """A text in lines of at most a width, in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
