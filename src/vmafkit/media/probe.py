"""Opening a source: every fact is counted or decoded, none is believed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import Changed, TooLarge, Unreadable, UsageError
from vmafkit.media import layout, pixfmt, y4m
from vmafkit.media.color import color_facts, hdr_facts
from vmafkit.media.demux import OtherFormat, Undemuxable, opened
from vmafkit.media.hashing import Fingerprint, fingerprint, show
from vmafkit.media.source import ColorFacts, HdrFacts, RawGeometry, Source
from vmafkit.media.tally import (
    MAX_PIXELS,
    Look,
    Tally,
    framerate_of,
    length_s,
    survey,
    time_base_of,
)
from vmafkit.media.timing import is_variable
from vmafkit.media.whole import ensure_end_is_there, ensure_whole

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.video.stream import VideoStream

_RAW_SUFFIXES = (".yuv", ".raw")


def open_source(path: Path | str, *, raw: RawGeometry | None = None) -> Source:
    """Find out what a video file is.

    Args:
        path: a regular file: a container (MP4, Matroska, WebM, MPEG-TS, AVI, FLV, Ogg, IVF,
            y4m), an elementary stream (H.264, HEVC, VVC, AV1) or raw samples
            (.yuv, .raw, or any other name with raw given).
        raw: the geometry of raw samples. With a container it must agree with it; its
            pix_fmt and framerate are compared where they differ from their defaults.

    Raises:
        Unreadable: missing, empty, cut short, damaged, or without video.
        Refused: not a regular file, a still picture, a playlist, or another format.
        TooLarge: frames of more than 8192 x 8192 samples.
        Changed: the file changed while it was read.
        UsageError: raw samples without geometry, or geometry that contradicts a container.
    """
    path = Path(path).absolute()
    before = fingerprint(path)
    if not before.size_bytes:
        raise Unreadable(f"{show(path)} is empty", hint="write the file again")
    try:
        source = _probe(path, raw, before)
    except OSError as error:
        raise Unreadable(f"{show(path)} cannot be read", detail=str(error)) from None
    if fingerprint(path) != before:
        raise Changed(f"{show(path)} changed while it was read", hint="wait until it is written")
    return source


def _probe(path: Path, raw: RawGeometry | None, before: Fingerprint) -> Source:
    head = layout.read_head(path)
    if head.startswith(y4m.MAGIC):
        source = _y4m(path, head, before)
    elif path.suffix.lower() in _RAW_SUFFIXES:
        return _raw(path, raw, before)
    else:
        if raw is None:
            layout.refuse_other_kinds(path, head)
        ensure_end_is_there(path, head)
        layout.refuse_outside_samples(path, head)
        try:
            source = _container(path, before)
        except (OtherFormat, Undemuxable):
            if raw is None or layout.is_container(head):
                raise
            return _raw(path, raw, before)
    if raw is not None:
        _ensure_agrees(source, raw)
    return source


def _ensure_agrees(source: Source, raw: RawGeometry) -> None:
    plain = RawGeometry(raw.width, raw.height)
    pairs = [
        ("--width", raw.width, source.width),
        ("--height", raw.height, source.height),
    ]
    said = [f"{flag} {mine} (it has {theirs})" for flag, mine, theirs in pairs if mine != theirs]
    if raw.pix_fmt not in (plain.pix_fmt, source.pix_fmt):
        said.append(f"--pix-fmt {raw.pix_fmt} (it has {source.pix_fmt})")
    if raw.framerate not in (plain.framerate, source.framerate):
        said.append(f"--framerate {raw.framerate} (it has {source.framerate})")
    if said:
        raise UsageError(
            f"{show(source.path)} is a {source.container} file that says otherwise than"
            f" {', '.join(said)}",
            hint="leave these flags out; they are for raw files",
        )


def _raw(path: Path, raw: RawGeometry | None, before: Fingerprint) -> Source:
    if raw is None:
        raise UsageError(
            f"{show(path)} is a raw file, which does not say its geometry",
            hint="give --width, --height and --pix-fmt (and --framerate)",
        )
    if raw.framerate <= 0:
        raise UsageError(f"--framerate {raw.framerate} is not above 0")
    frame_bytes = pixfmt.frame_bytes(raw.pix_fmt, raw.width, raw.height)
    if raw.width * raw.height > MAX_PIXELS:
        raise TooLarge(f"{show(path)} is said to have frames of {raw.width}x{raw.height}")
    frames, rest = divmod(before.size_bytes, frame_bytes)
    if rest:
        raise Unreadable(
            f"{show(path)} has {before.size_bytes} bytes, which are {frames} frames of"
            f" {frame_bytes} bytes ({raw.width}x{raw.height} {raw.pix_fmt}) and {rest} bytes more",
            hint="check --width, --height and --pix-fmt, or copy the file again",
        )
    return Source(
        path=path,
        container="rawvideo",
        codec="rawvideo",
        width=raw.width,
        height=raw.height,
        rotation=0,
        sar=Fraction(1),
        pix_fmt=raw.pix_fmt,
        bit_depth=pixfmt.bit_depth(raw.pix_fmt),
        framerate=raw.framerate,
        is_vfr=False,
        frame_count=frames,
        duration_s=float(frames / raw.framerate),
        color=ColorFacts(),
        hdr=HdrFacts(),
        raw=raw,
        size_bytes=before.size_bytes,
        mtime_ns=before.mtime_ns,
        inode=before.inode,
        video_bits=8 * before.size_bytes,
        has_audio=False,
    )


def _container(path: Path, before: Fingerprint) -> Source:
    with opened(path) as (container, stream):
        seen, tally = survey(container, stream, show(path))
        ensure_whole(path, container, stream, tally)
        return _describe(path, before, container, stream, seen, tally)


def _describe(
    path: Path,
    before: Fingerprint,
    container: InputContainer,
    stream: VideoStream,
    seen: Look,
    tally: Tally,
) -> Source:
    context = stream.codec_context
    name = container.format.name
    varies = is_variable(tally.times, time_base_of(stream))
    framerate = framerate_of(stream)
    span = length_s(tally, time_base_of(stream), framerate)
    if varies:
        framerate = (tally.frames / span).limit_denominator(100_000)
    color = color_facts(*seen.color)
    profile = layout.dolby_profile(path, name)
    return Source(
        path=path,
        container=name,
        codec=context.codec.canonical_name,
        width=seen.width,
        height=seen.height,
        rotation=seen.rotation,
        sar=stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1),
        pix_fmt=seen.pix_fmt,
        bit_depth=pixfmt.bit_depth(seen.pix_fmt),
        framerate=framerate,
        is_vfr=varies,
        frame_count=tally.frames,
        duration_s=float(span),
        color=color,
        hdr=hdr_facts(color.transfer, context.codec_tag, seen.side_data, profile),
        raw=None,
        size_bytes=before.size_bytes,
        mtime_ns=before.mtime_ns,
        inode=before.inode,
        video_bits=8 * tally.video_bytes,
        has_audio=bool(container.streams.audio),
        start_s=float(min(tally.times, default=0) * time_base_of(stream)),
    )


def _y4m(path: Path, head: bytes, before: Fingerprint) -> Source:
    header = y4m.parse_header(head, show(path))
    if header.width * header.height > MAX_PIXELS:
        raise TooLarge(
            f"{show(path)} says that its frames are {header.width}x{header.height}",
            hint="8192x8192 samples are read at most",
        )
    frames = y4m.count_frames(path, header)
    if not frames:
        raise Unreadable(f"{show(path)} holds no video frame", hint="write the file again")
    with opened(path, "yuv4mpegpipe") as (container, stream):
        seen, _ = survey(container, stream, show(path), only_look=True)
        color = color_facts(*seen.color)
    return Source(
        path=path,
        container="yuv4mpegpipe",
        codec="rawvideo",
        width=header.width,
        height=header.height,
        rotation=0,
        sar=header.sar,
        pix_fmt=header.pix_fmt,
        bit_depth=pixfmt.bit_depth(header.pix_fmt),
        framerate=header.framerate,
        is_vfr=False,
        frame_count=frames,
        duration_s=float(frames / header.framerate),
        color=color,
        hdr=hdr_facts(color.transfer, "", {}),
        raw=None,
        size_bytes=before.size_bytes,
        mtime_ns=before.mtime_ns,
        inode=before.inode,
        video_bits=8 * frames * header.frame_bytes,
        has_audio=False,
    )
