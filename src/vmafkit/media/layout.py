"""Reading a file's outermost structure: what it is, and whether its end is there.

libavformat takes most files that lost their tail without an error (spec/reliability M4).
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from vmafkit.errors import Refused
from vmafkit.media.hashing import show

_HEAD_BYTES = 4096
_MOOV_LIMIT_BYTES = 64 << 20
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_STILL_BRANDS = (b"avif", b"heic", b"heix", b"mif1", b"heim", b"heis", b"crx ", b"jxl ")
_STILLS = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"8BPS",
    b"\0\0\0\x0cJXL ",
    b"\xff\x0a",
    b"\xff\x4f\xff\x51",
    b"qoif",
)
_NESTED = (
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "an ffconcat list"),
    (b"v=0", "an SDP description"),
    (b"<?xml", "an XML file"),
    (b"<MPD", "a DASH manifest"),
    (b"<svg", "an SVG drawing"),
    (b"<!DOCTYPE", "an XML or HTML file"),
    (b"[playlist]", "a playlist"),
)
_NESTED_SUFFIXES = {
    ".m3u8": "an HLS playlist",
    ".m3u": "a playlist",
    ".ffconcat": "an ffconcat list",
    ".mpd": "a DASH manifest",
    ".sdp": "an SDP description",
    ".svg": "an SVG drawing",
    ".avs": "an AviSynth script",
    ".vpy": "a VapourSynth script",
}


# Junk after the last box must not be read as a box of its own.
_BOXES = frozenset(
    b"ftyp styp moov moof mdat mfra free skip wide uuid sidx ssix emsg prft meta udta pnot".split()
)
_CONTAINERS = (_EBML, b"RIFF", b"DKIF", b"FLV", b"OggS")


def is_container(head: bytes) -> bool:
    """Whether a file with these first bytes was written as a container, whole or not."""
    return head.startswith(_CONTAINERS) or head[4:8] in _BOXES


def read_head(path: Path) -> bytes:
    """The first 4096 bytes."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def refuse_other_kinds(path: Path, head: bytes) -> None:
    """Say clearly no to still pictures and to files that name other files.

    Only for the sentence: the format allow list is what keeps other files unopened.

    Raises:
        Refused: the file is of such a kind.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, kind in _NESTED:
        if text[: len(mark)].lower() == mark.lower():
            raise _nested(path, kind)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    is_brand = head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS
    if is_webp or is_brand or head.startswith(_STILLS):
        raise Refused(f"{show(path)} is a still picture", hint="name a video")
    kind = _NESTED_SUFFIXES.get(path.suffix.lower())
    if kind and b"\0" not in head:
        raise _nested(path, kind)


def _nested(path: Path, kind: str) -> Refused:
    return Refused(
        f"{show(path)} is {kind}, which opens other files",
        hint="name the video itself, or join the parts into one file first",
    )


def missing_bytes(path: Path, head: bytes) -> int:
    """How many bytes the outermost structure announces past the file's end.

    Only Matroska and the MP4 family announce their size; 0 for the others, and for
    files that were written without going back to fill it in.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if head.startswith(_EBML):
            return max(0, _matroska_end(file) - size)
        if head[4:8] in _BOXES:
            return max(0, _mp4_end(file, size) - size)
    return 0


def _vint(file: BinaryIO) -> int | None:
    """An EBML size; None where it is unknown or missing."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) != length - 1:
        return None
    value = int.from_bytes(bytes([first[0] & ((1 << (8 - length)) - 1)]) + rest, "big")
    return None if value == (1 << (7 * length)) - 1 else value


def _matroska_end(file: BinaryIO) -> int:
    file.seek(len(_EBML))
    header = _vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _box(file: BinaryIO, position: int) -> tuple[bytes, int] | None:
    """Kind and length of the MP4 box here; None at the end or where it runs to the end."""
    file.seek(position)
    head = file.read(16)
    if len(head) < 8:
        return None
    length = int.from_bytes(head[:4], "big")
    if length == 1 and len(head) == 16:
        length = int.from_bytes(head[8:], "big")
    return (head[4:8], length) if length >= 8 else None


def _mp4_end(file: BinaryIO, size_bytes: int) -> int:
    position = 0
    while position < size_bytes:
        box = _box(file, position)
        if box is None or box[0] not in _BOXES:
            break
        position += box[1]
    return position


def dolby_profile(path: Path, container: str) -> int | None:
    """The Dolby Vision profile in an MP4 file's configuration box, or None.

    PyAV shows no stream side data, so the dvcC, dvvC or dvwC record is looked up in moov:
    two version bytes, then seven bits of profile.
    """
    return _profile_in(_moov(path)) if "mp4" in container else None


def _moov(path: Path) -> bytes:
    """The box that describes an MP4 file; empty where there is none."""
    size = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position < size and (box := _box(file, position)):
            if box[0] == b"moov":
                file.seek(position)
                return file.read(min(box[1], _MOOV_LIMIT_BYTES))
            position += box[1]
    return b""


def refuse_outside_samples(path: Path, head: bytes) -> None:
    """Say no to an MP4 file whose video samples lie in another file.

    libavformat does not open that file, and takes what lies at the same place in this one.

    Raises:
        Refused: the video track's data reference is not to the file itself.
    """
    if head[4:8] not in _BOXES:
        return
    moov = _moov(path)
    video = moov.find(b"vmhd")
    at = moov.find(b"dref", video) if video >= 0 else -1
    # The lowest flag of the first entry says that the samples lie in this file.
    if at >= 0 and at + 23 < len(moov) and not moov[at + 23] & 1:
        raise Refused(
            f"{show(path)} keeps its samples in another file", hint="join them into one file first"
        )


def _profile_in(moov: bytes) -> int | None:
    for mark in (b"dvcC", b"dvvC", b"dvwC"):
        at = moov.find(mark)
        # 32 is the length of the whole box: its length field stands before the mark.
        if at >= 4 and at + 7 <= len(moov) and moov[at - 4 : at] == b"\0\0\0\x20":
            return moov[at + 6] >> 1
    return None
