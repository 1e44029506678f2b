"""How many pixels a picture has, read from its header: known before a decoder asks for memory."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

Size = tuple[int, int]
_Sizes = Callable[[bytes], Iterator[Size]]


def is_picture(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a format whose header is read here."""
    return _reader(head) is not None


def stated_size(data: bytes) -> Size | None:
    """Width and height that the header states, the largest where it states several; or None.

    Args:
        data: the file's content. A header cut off or out of order states nothing.
    """
    reader = _reader(data[:64])
    try:
        sizes = list(reader(data)) if reader else []
    except (struct.error, IndexError, ValueError, OverflowError):
        return None
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _reader(head: bytes) -> _Sizes | None:
    return next((read for start, read in _READERS if re.match(start, head, re.DOTALL)), None)


def _at(form: str, offset: int) -> _Sizes:
    """A reader of two numbers at an offset; BMP states a picture from the top as negative."""

    def read(data: bytes) -> Iterator[Size]:
        width, height = struct.unpack_from(form, data, offset)
        yield abs(width), abs(height)

    return read


def _bmp(data: bytes) -> Iterator[Size]:
    old = struct.unpack_from("<I", data, 14)[0] < 36
    return _at("<HH" if old else "<ii", 18)(data)


def _jpeg(data: bytes) -> Iterator[Size]:
    """The frame headers before the first scan; a thumbnail's are inside a segment."""
    place = 2
    while (place := data.find(b"\xff", place)) >= 0:
        marker = data[place + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            place += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            yield width, height
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]


def _tiff(data: bytes) -> Iterator[Size]:
    """The first directory, of a classic or a big TIFF; of a repeated tag the largest value."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    first = (
        struct.unpack_from(f"{order}Q", data, 8)
        if big
        else struct.unpack_from(f"{order}I", data, 4)
    )
    start = first[0]
    count = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)[0]
    start, step = (start + 8, 20) if big else (start + 2, 12)
    sides = {256: 0, 257: 0}
    for place in range(start, min(start + count * step, len(data) - step + 1), step):
        tag, kind = struct.unpack_from(f"{order}HH", data, place)
        if tag in sides:
            form = {1: "B", 3: "H", 6: "b", 8: "h", 9: "i", 16: "Q", 17: "q"}.get(kind, "I")
            value = struct.unpack_from(f"{order}{form}", data, place + (12 if big else 8))[0]
            sides[tag] = max(sides[tag], abs(value))
    yield sides[256], sides[257]


def _webp(data: bytes) -> Iterator[Size]:
    """The canvas, and the frames of the simple forms."""
    kind = data[12:16]
    if kind == b"VP8X":
        yield _three_bytes(data, 24) + 1, _three_bytes(data, 27) + 1
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        yield (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        yield width & 0x3FFF, height & 0x3FFF


def _three_bytes(data: bytes, offset: int) -> int:
    if len(data) < offset + 3:
        raise IndexError
    return int.from_bytes(data[offset : offset + 3], "little")


def _jpeg2000(data: bytes) -> Iterator[Size]:
    """Each code stream's own header: what the box around it states need not be true."""
    for found in re.finditer(b"\xff\x4f\xff\x51", data):
        right, lower, left, upper = struct.unpack_from(">4I", data, found.start() + 8)
        yield right - left, lower - upper


def _avif(data: bytes) -> Iterator[Size]:
    for found in re.finditer(b"ispe", data):
        yield struct.unpack_from(">II", data, found.start() + 8)


def _netpbm(data: bytes) -> Iterator[Size]:
    head = re.sub(rb"#[^\n\r]*", b" ", data[:65536])
    if numbers := re.match(rb"P.\D*(\d{1,20})\D+(\d{1,20})", head, re.DOTALL):
        yield int(numbers[1]), int(numbers[2])


def _pam(data: bytes) -> Iterator[Size]:
    head = data[:65536].partition(b"ENDHDR")[0]
    sides = [re.findall(side + rb"\s+(\d{1,20})", head) for side in (b"WIDTH", b"HEIGHT")]
    if all(sides):
        yield max(map(int, sides[0])), max(map(int, sides[1]))


def _radiance(data: bytes) -> Iterator[Size]:
    for found in re.finditer(rb"[-+]Y\s+(\d{1,20})\s+[-+]X\s+(\d{1,20})", data[:65536]):
        yield int(found[2]), int(found[1])


def _openexr(data: bytes) -> Iterator[Size]:
    for found in re.finditer(rb"dataWindow\0box2i\0", data[:65536]):
        left, upper, right, lower = struct.unpack_from("<4i", data, found.end() + 4)
        yield abs(right - left) + 1, abs(lower - upper) + 1


_READERS: tuple[tuple[bytes, _Sizes], ...] = (
    (rb"\x89PNG\r\n\x1a\n", _at(">II", 16)),
    (rb"\xff\xd8\xff", _jpeg),
    (rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]", _tiff),
    (rb"RIFF....WEBP", _webp),
    (rb"GIF8[79]a", _at("<HH", 6)),
    (rb"BM", _bmp),
    (rb"....jP  \r\n\x87\n|\xff\x4f\xff\x51", _jpeg2000),
    (rb"....ftyp", _avif),
    (rb"P7\s", _pam),
    (rb"P[1-6Ff]\s", _netpbm),
    (rb"\x59\xa6\x6a\x95", _at(">II", 4)),
    (rb"#\?(RADIANCE|RGBE)", _radiance),
    (rb"\x76\x2f\x31\x01", _openexr),
)
