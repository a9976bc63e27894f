"""Joins the encodes of shots into one video stream, without coding anything again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import EncodeFailed, FrameCount, ResultInvalid, UsageError
from vmafkit.execute.banner import without_banner
from vmafkit.execute.encode import accept_encode
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import INPUT_FORMATS, input_words, output_word
from vmafkit.media.demux import opened
from vmafkit.media.shots import Shot
from vmafkit.media.source import Source

# Matroska keeps times in whole milliseconds: those of a segment and its start are rounded once
# each, and the source's own once more.
_ROUNDING_S = 0.0021
# Of the list that names the segments.
LIST_NAME = "segments.txt"
# `k=v` words for the encoder, by its name: parameter sets that do not follow the quality, so that
# segments fit behind each other.
JOINABLE = {"libx264": ("x264-params=stitchable=1",)}


@dataclass(frozen=True, slots=True)
class Joined:
    """Segments as one stream.

    Attributes:
        path: the file.
        source: what it is, probed.
        concat_words: ffmpeg's words that made it.
    """

    path: Path
    source: Source
    concat_words: tuple[str, ...]


def join(
    bench: Bench,
    segments: Sequence[Path],
    shots: Sequence[Shot],
    times_s: Sequence[float],
    output: Path,
) -> Joined:
    """Join segments that were encoded with the same settings beside their quality.

    The result is checked: as many frames as the shots have, shown when the source shows them, a
    key frame at the start of every shot, and every picture decoded just as from its segment.

    Args:
        segments: one for each shot, in order.
        times_s: of the source's frames, and the end of the last one.
        output: in a private folder.

    Raises:
        UsageError: there is nothing to join.
        EncodeFailed, FrameCount, ResultInvalid: what came out is not the segments.
    """
    if not segments or len(segments) != len(shots):
        raise UsageError(f"{len(segments)} segments do not make {len(shots)} shots")
    job = Job(cancel=bench.cancel, limits=bench.limits)
    with fsio.scratch_folder(within=bench.scratch) as folder:
        suffix = segments[0].suffix
        # Fixed names: no name of a user's folder enters the list.
        names = [f"s{number:06d}{suffix}" for number in range(len(segments))]
        for number, (segment, name) in enumerate(zip(segments, names, strict=True)):
            if number == 0 or not without_banner(segment, folder / name):
                fsio.copy_atomic(segment, folder / name)
        fsio.write_scratch(folder / LIST_NAME, list_text(names, shots, times_s))
        words = concat_words(folder / LIST_NAME, output)
        run_ffmpeg(
            bench.program,
            words,
            cwd=folder,
            job=job,
            failure=EncodeFailed,
            what="joining the shots",
        )
    frames = shots[-1].end_frame
    made = accept_encode(output, frames)
    _check_packets(output, shots, times_s)
    _check_pictures(bench, segments, output, frames, job)
    return Joined(output, made, words)


def list_text(names: Sequence[str], shots: Sequence[Shot], times_s: Sequence[float]) -> str:
    """The list that ffmpeg joins segments by, each with how long it is shown.

    Args:
        names: of the segments beside the list; of plain letters and digits.
        times_s: of the source's frames, and the end of the last one.
    """
    lines = ["ffconcat version 1.0"]
    for name, shot in zip(names, shots, strict=True):
        span = times_s[shot.end_frame] - times_s[shot.start_frame]
        lines += [f"file {name}", f"duration {span:.6f}"]
    return "\n".join(lines) + "\n"


def concat_words(listed: Path, output: Path) -> tuple[str, ...]:
    """ffmpeg's words that join the segments of a list."""
    return (
        "-protocol_whitelist", "file",
        "-format_whitelist", f"concat,{INPUT_FORMATS}",
        "-f", "concat", "-safe", "1",
        # Without this the packets of H.264 and HEVC would be written in another form.
        "-auto_convert", "0",
        "-i", f"file:{listed.absolute()}",
        "-map", "0:V:0", "-c", "copy",
        output_word(output),
    )  # fmt: skip


def _check_packets(path: Path, shots: Sequence[Shot], times_s: Sequence[float]) -> None:
    shown: list[tuple[float, bool]] = []
    with opened(path) as (container, stream):
        base = stream.time_base
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and base is not None:
                shown.append((float(packet.pts * base), packet.is_keyframe))
    shown.sort()
    if len(shown) != len(times_s) - 1:
        raise FrameCount(f"the joined video shows {len(shown)} frames, not {len(times_s) - 1}")
    begin = shown[0][0]
    off = max(abs(time - begin - wanted) for (time, _), wanted in zip(shown, times_s, strict=False))
    if off > _ROUNDING_S:
        raise ResultInvalid(f"a frame of the joined video is shown {off:.4f} s off its time")
    for number, shot in enumerate(shots, start=1):
        if not shown[shot.start_frame][1]:
            raise ResultInvalid(f"shot {number} of the joined video does not start at a key frame")


def _check_pictures(
    bench: Bench, segments: Sequence[Path], joined: Path, frames: int, job: Job
) -> None:
    apart = [line for segment in segments for line in _picture_hashes(bench, segment, job)]
    together = _picture_hashes(bench, joined, job)
    if len(together) != frames or together != apart:
        differ = sum(a != b for a, b in zip(apart, together, strict=False))
        raise ResultInvalid(
            f"joined, the shots do not decode as they did apart: {len(together)} pictures of "
            f"{frames}, {differ} of them differ",
            hint="this encoder's streams cannot be joined; use libx264, libx265 or libsvtav1",
        )


def _picture_hashes(bench: Bench, path: Path, job: Job) -> list[str]:
    """A hash of every decoded picture, in the order of showing."""
    with fsio.scratch_folder(within=bench.scratch) as folder:
        listed = folder / "pictures.txt"
        words = (
            *input_words(path), "-map", "0:V:0", "-fps_mode", "passthrough",
            "-f", "framehash", "-hash", "murmur3", output_word(listed),
        )  # fmt: skip
        run_ffmpeg(
            bench.program, words, cwd=folder, job=job, failure=EncodeFailed,
            what="decoding the shots",
        )  # fmt: skip
        lines = listed.read_text("utf-8").splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if line and line[0] != "#"]
