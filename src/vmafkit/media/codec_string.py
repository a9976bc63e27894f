"""The CODECS words of HLS and DASH, from the parameter sets in an MP4 initialisation segment.

Sources: RFC 6381 and ISO/IEC 14496-15 annex E (AVC, HEVC), the AV1 and VP9 bindings to ISO BMFF.
In the last two the fields of chroma and colour may be left out together; a player then takes
4:2:0, BT.709 and limited range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from vmafkit.errors import ResultInvalid

_INSIDE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
# What stands in a visual sample entry before its boxes.
_VISUAL_BYTES = 78
AAC = "mp4a.40.2"
# Code points of ISO/IEC 23091-2: BT.709, and unspecified, which players take for it.
_USUAL = (1, 2)
_Boxes = Mapping[bytes, bytes]


def codec_string(init: bytes) -> str:
    """The word for the first video track, such as `avc1.64001f` or `hvc1.1.6.L93.B0`.

    Raises:
        ResultInvalid: there is no video track of a kind that is known here.
    """
    for kind, body in _entries(init):
        boxes = dict(_boxes(body[_VISUAL_BYTES:]))
        for box, words in _WORDS.items():
            if len(boxes.get(box, b"")) >= _LEAST[box]:
                return words(kind.decode("latin-1"), boxes)
    raise ResultInvalid("the initialisation segment has no video track of a known codec")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8 or at + length > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + length]
        at += length


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every sample entry, of whatever track."""
    for kind, body in _boxes(data):
        if kind in _INSIDE:
            yield from _entries(body)
        elif kind == b"stsd":
            yield from _boxes(body[8:])


def _avc(kind: str, boxes: _Boxes) -> str:
    return f"{kind}.{boxes[b'avcC'][1:4].hex()}"


def _hevc(kind: str, boxes: _Boxes) -> str:
    box = boxes[b"hvcC"]
    space = ("", "A", "B", "C")[box[1] >> 6]
    tier = "H" if box[1] & 0x20 else "L"
    flags = int(f"{int.from_bytes(box[2:6], 'big'):032b}"[::-1], 2)
    constraints = box[6:12].rstrip(b"\0")
    words = [kind, f"{space}{box[1] & 0x1F}", f"{flags:X}", f"{tier}{box[12]}"]
    return ".".join([*words, *(f"{byte:X}" for byte in constraints)])


def _av1(kind: str, boxes: _Boxes) -> str:
    box = boxes[b"av1C"]
    depth = (12 if box[2] & 0x20 else 10) if box[2] & 0x40 else 8
    tier = "H" if box[2] & 0x80 else "M"
    word = f"{kind}.{box[1] >> 5}.{box[1] & 0x1F:02d}{tier}.{depth:02d}"
    is_grey, chroma = box[2] >> 4 & 1, (box[2] >> 3 & 1, box[2] >> 2 & 1)
    # Only 4:2:0 has a place of its chroma samples.
    place = box[2] & 3 if chroma == (1, 1) else 0
    colours, is_full = _nclx(boxes.get(b"colr", b""))
    if not is_grey and chroma == (1, 1) and _is_usual(colours, is_full):
        return word
    return ".".join([word, str(is_grey), f"{chroma[0]}{chroma[1]}{place}",
                     *(f"{each:02d}" for each in colours), str(is_full)])  # fmt: skip


def _vp9(kind: str, boxes: _Boxes) -> str:
    # Four bytes of version and flags come first.
    box = boxes[b"vpcC"]
    chroma, is_full, colours = box[6] >> 1 & 7, box[6] & 1, tuple(box[7:10])
    word = f"{kind}.{box[4]:02d}.{box[5]:02d}.{box[6] >> 4:02d}"
    # 0 and 1 are both 4:2:0.
    if chroma <= 1 and _is_usual(colours, is_full):
        return word
    return ".".join([word, *(f"{each:02d}" for each in (chroma, *colours, is_full))])


def _nclx(box: bytes) -> tuple[tuple[int, ...], int]:
    """Primaries, transfer and matrix as code points, and whether the range is full."""
    if box[:4] != b"nclx" or len(box) < 11:
        return (1, 1, 1), 0
    return tuple(int.from_bytes(box[at : at + 2], "big") for at in (4, 6, 8)), box[10] >> 7


def _is_usual(colours: tuple[int, ...], is_full: int) -> bool:
    return not is_full and all(each in _USUAL for each in colours)


_WORDS: dict[bytes, Callable[[str, _Boxes], str]] = {
    b"avcC": _avc,
    b"hvcC": _hevc,
    b"av1C": _av1,
    b"vpcC": _vp9,
}
_LEAST = {b"avcC": 4, b"hvcC": 13, b"av1C": 3, b"vpcC": 10}
