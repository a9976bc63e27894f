"""Plays back what was packaged: all frames there, and the same cuts in every variant."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vmafkit import fsio
from vmafkit.errors import EncodeFailed, ResultInvalid
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.decoded import decoded_streams, heard_streams
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.media.demux import opened
from vmafkit.media.manifests import Segments

_ROUNDING_S = 0.002


def check_segments(streams: Sequence[tuple[Path, Segments]], frames: int) -> None:
    """Every stream is whole, every segment starts with a key frame, all are cut alike.

    Args:
        streams: the folder and the segments of each video stream.
        frames: that each must hold.

    Raises:
        ResultInvalid.
    """
    first: list[float] | None = None
    for number, (folder, segments) in enumerate(streams):
        count, keys = _keys(folder, segments)
        if count != frames:
            raise ResultInvalid(
                f"variant {number} holds {count} frames where {frames} were expected"
            )
        first = keys if first is None else first
        if len(keys) != len(first) or _apart(keys, first):
            raise ResultInvalid(
                f"the key frames of variant {number} lie elsewhere than those of variant 0",
                hint="drop --enc options that move key frames",
            )
        lengths = itertools.accumulate((keys[0], *segments.durations_s[:-1]))
        starts = list(lengths)
        nearest = [min(keys, key=lambda key, at=at: abs(key - at)) for at in starts]
        if _apart(starts, nearest):
            raise ResultInvalid(f"a segment of variant {number} does not start at a key frame")


def check_playing(
    bench: Bench,
    manifest: Path,
    kind: Literal["hls", "dash"],
    variants: int,
    frames: int,
    *,
    sounds: int,
) -> None:
    """Play every variant from the manifest, one after the other, and all sound with the first.

    Args:
        frames: that each variant must show.
        sounds: tracks of sound that there must be.

    Raises:
        EncodeFailed: it does not play.
        ResultInvalid: it plays another number of frames, or with errors.
    """
    job = Job(cancel=bench.cancel, limits=bench.limits)
    for number in range(variants):
        words = (
            "-protocol_whitelist", "file", "-format_whitelist", f"{kind},mov",
            "-i", f"file:{manifest}", "-map", f"0:v:{number}",
            *(word for n in range(sounds if number == 0 else 0) for word in ("-map", f"0:a:{n}")),
            "-fps_mode", "passthrough", "-f", "null", "-",
        )  # fmt: skip
        finished = run_ffmpeg(
            bench.program, words, cwd=manifest.parent, job=job, log_level="verbose",
            failure=EncodeFailed, what=f"playing variant {number} of {manifest.name}",
        )  # fmt: skip
        seen = decoded_streams(finished.stderr_tail).get(0)
        if seen is None or seen.errors or seen.frames != frames:
            told = "nothing" if seen is None else f"{seen.frames} frames, {seen.errors} errors"
            raise ResultInvalid(
                f"playing variant {number} of {manifest.name} gave {told} where {frames} frames "
                "were expected"
            )
        if number == 0 and (heard := len(heard_streams(finished.stderr_tail))) != sounds:
            raise ResultInvalid(
                f"{heard} of {sounds} sound tracks of {manifest.name} were played without errors"
            )


def _keys(folder: Path, segments: Segments) -> tuple[int, list[float]]:
    """(frames, times of the key frames in seconds) of a stream."""
    with fsio.scratch_folder(within=folder) as scratch:
        joined = scratch / "joined.mp4"
        names = (segments.init, *segments.names)
        fsio.write_chunks(joined, ((folder / name).read_bytes() for name in names))
        count, keys = 0, list[float]()
        with opened(joined) as (container, stream):
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                count += 1
                if packet.is_keyframe and packet.pts is not None and packet.time_base:
                    keys.append(float(packet.pts * packet.time_base))
    if not keys:
        raise ResultInvalid("a variant has no key frame")
    return count, keys


def _apart(one: Sequence[float], other: Sequence[float]) -> bool:
    return any(abs(a - b) > _ROUNDING_S for a, b in zip(one, other, strict=True))
