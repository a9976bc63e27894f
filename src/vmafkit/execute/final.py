"""Makes the final file: the video as it was searched and scored, and all else of the source.

Step one encodes the video, exactly as a trial of the whole title does; a trial whose file was
kept is that encode. Step two joins it with sound, subtitles, attachments, chapters and tags by
stream copy. The result is checked before it gets its name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vmafkit import fsio
from vmafkit.decide.sweep import Cell
from vmafkit.errors import (
    EncodeFailed,
    FrameCount,
    InputError,
    OutputError,
    ResultInvalid,
    StoreFull,
    Truncated,
)
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.frame_times import check_times, snap_rate, snap_words
from vmafkit.execute.streams import Streams, count_streams, final_suffix, read_streams
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.decoded import decoded_streams
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import input_words, output_word
from vmafkit.media.demux import opened
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.media.probe import open_source
from vmafkit.media.source import UNKNOWN, Source

_STRAY_AGE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Final:
    """A final file that was checked.

    Attributes:
        path: where it lies.
        size_bytes: all of it.
        video_bytes: its video packets.
        carried: streams beside the video, by kind.
        dropped: what the container could not carry, in words.
        cpu_s: of joining and checking.
    """

    path: Path
    size_bytes: int
    video_bytes: int
    carried: dict[str, int]
    dropped: tuple[str, ...]
    cpu_s: float


def prepare_output(output: Path, source: Source) -> Streams:
    """Refuse, before any work, an output that could not be made.

    Raises:
        UsageError: it is the source under any name, ends in another suffix, or cannot carry a
            stream of the source.
        OutputError: its folder is not there, or something that is no file has its name.
    """
    fsio.refuse_same_file(output, [source.path])
    suffix = final_suffix(output)
    if not output.parent.is_dir():
        raise OutputError(
            f"cannot write {show(output)}: its folder does not exist", hint="make it first"
        )
    if output.exists() and not output.is_file():
        raise OutputError(f"cannot write {show(output)}: it is not a plain file")
    streams = read_streams(source, suffix)
    fsio.remove_strays(output.parent, older_than_s=_STRAY_AGE_S)
    return streams


def join_words(
    cell: Cell, video: Path, streams: Streams, output: Path, suffix: str, rate: Fraction | None
) -> tuple[str, ...]:
    """ffmpeg's words that join an encode with the rest of its source.

    Args:
        rate: frames per second, to snap the video's times to whole frames; None to keep them.
    """
    source = cell.source
    words: tuple[str, ...] = ()
    if streams.start_s > 0:
        words += ("-itsoffset", f"{streams.start_s:.6f}")
    words += (*input_words(video), *input_words(source.path, raw=source.raw), "-map", "0:v:0")
    for stream in streams.carried:
        words += ("-map", f"1:{stream.index}")
    words += ("-map_metadata", "1", "-map_chapters", "1", "-c", "copy")
    for place, stream in enumerate(streams.carried, start=1):
        if stream.codec != "copy":
            words += (f"-c:{place}", stream.codec)
    for name, value in streams.video_tags:
        words += ("-metadata:s:v:0", f"{name}={value}")
    if rate is not None:
        words += snap_words(rate)
    if suffix == ".mp4":
        words += ("-movflags", "+faststart")
        if cell.encoder.codec == "hevc":
            words += ("-tag:v:0", "hvc1")
    return (*words, "-max_interleave_delta", "0", output_word(output))


def make_final(
    bench: Bench,
    cell: Cell,
    video: Path,
    streams: Streams,
    output: Path,
    *,
    on_event: OnEvent = ignore,
) -> Final:
    """Join, check, and only then give the file its name.

    Args:
        cell: the trial of the whole title that `video` is the encode of.
        video: its file.
        streams: from `prepare_output`.

    Raises:
        OutputError: it cannot be written; nothing is left behind.
        ResultInvalid: what was made does not hold what it must.
        Changed: the source changed.
    """
    suffix = final_suffix(output)
    job = Job(cancel=bench.cancel, limits=bench.limits)
    on_event(Event("final-started", {"output": show(output), "step": "join"}))
    with fsio.atomic_path(output, user_output=True) as temp:
        rate = snap_rate(video, cell.source) if suffix == ".mp4" else None
        words = join_words(cell, video, streams, temp, suffix, rate)
        try:
            joined = run_ffmpeg(
                bench.program, words, cwd=output.parent, job=job, failure=EncodeFailed,
                what=f"joining {show(output)}",
            )  # fmt: skip
        except StoreFull as error:
            raise OutputError(
                f"cannot write {show(output)}: the disk is full", hint="free some space"
            ) from error
        on_event(Event("final-progress", {"output": show(output), "step": "check"}))
        checked_s = _check(bench, cell, video, streams, temp, job)
        if rate is not None:
            check_times(temp, rate)
        ensure_unchanged(cell.source)
    made = open_source(output)
    return Final(
        path=output,
        size_bytes=made.size_bytes,
        video_bytes=made.video_bits // 8,
        carried=dict(Counter(stream.kind for stream in streams.carried)),
        dropped=streams.dropped,
        cpu_s=joined.cpu_s + checked_s,
    )


def _check(bench: Bench, cell: Cell, video: Path, streams: Streams, made: Path, job: Job) -> float:
    try:
        found = open_source(made)
        counts, chapters = count_streams(made)
    except InputError as error:
        raise Truncated(f"the final file is not whole: {error.message}") from error
    frames = cell.source.frame_count
    if found.frame_count != frames:
        raise FrameCount(f"the final file holds {found.frame_count} frames, the source {frames}")
    wanted = Counter(stream.kind for stream in streams.carried)
    wanted["video"] += 1
    for kind, count in wanted.items():
        if counts.get(kind, 0) != count:
            raise ResultInvalid(
                f"the final file holds {counts.get(kind, 0)} {kind} streams instead of {count}"
            )
    if chapters != streams.chapters:
        raise ResultInvalid(f"the final file holds {chapters} chapters, not {streams.chapters}")
    _check_colour(cell.source, found)
    # The encode's score is the final file's only if these are the very same packets.
    if packet_hash(made) != packet_hash(video):
        raise ResultInvalid("the video of the final file is not the one that was scored")
    return _decode(bench, made, frames, job)


def _check_colour(source: Source, made: Source) -> None:
    for name in ("primaries", "transfer", "matrix"):
        ours, theirs = getattr(source.color, name), getattr(made.color, name)
        if ours not in (UNKNOWN, theirs):
            raise ResultInvalid(f"the final file states colour {name} {theirs} instead of {ours}")
    for name in ("mastering_display", "max_cll", "max_fall"):
        ours, theirs = getattr(source.hdr, name), getattr(made.hdr, name)
        if ours is not None and ours != theirs:
            raise ResultInvalid(
                f"the final file has lost the source's {name.replace('_', ' ')} ({ours})",
                hint="use the ffmpeg of the wheel, or libx265",
            )


def _decode(bench: Bench, made: Path, frames: int, job: Job) -> float:
    words = (*input_words(made), "-map", "0:V:0", "-fps_mode", "passthrough", "-f", "null", "-")
    finished = run_ffmpeg(
        bench.program, words, cwd=made.parent, job=job, log_level="verbose",
        failure=EncodeFailed, what="decoding the final file",
    )  # fmt: skip
    seen = decoded_streams(finished.stderr_tail).get(0)
    if seen is None or seen.errors or seen.frames != frames:
        told = "nothing" if seen is None else f"{seen.frames} frames, {seen.errors} errors"
        raise Truncated(f"decoding the final file gave {told} where {frames} frames were expected")
    return finished.cpu_s


def packet_hash(path: Path) -> str:
    """SHA-256 over the first video stream's packets, whatever the container.

    Raises:
        InputError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size:
                digest.update(memoryview(packet))
    return digest.hexdigest()
