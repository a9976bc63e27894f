"""Encodes one cell, and accepts the file only when all of its packets are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vmafkit.decide.space import scratch_bytes
from vmafkit.decide.sweep import Cell
from vmafkit.errors import EncodeFailed, FrameCount, InputError, Truncated
from vmafkit.execute.space import ensure_space
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import input_words, output_word
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.media.probe import open_source
from vmafkit.media.seeking import seek_s, seek_words
from vmafkit.media.source import Source


@dataclass(frozen=True, slots=True)
class Encode:
    """A whole encode.

    Attributes:
        path: the file.
        source: what it is, probed: frames and video bits are counted from its packets.
        argv: ffmpeg's words from the encoder's on.
        encoder_version: as the encoder named itself, or None.
        wall_s, cpu_s: what it cost.
    """

    path: Path
    source: Source
    argv: tuple[str, ...]
    encoder_version: str | None
    wall_s: float
    cpu_s: float


def encode_words(cell: Cell, output: Path) -> tuple[str, ...]:
    """ffmpeg's words for one cell, without the program and the log level."""
    seek = seek_s(cell.source, cell.window)
    source = input_words(cell.source.path, raw=cell.source.raw)
    words = (*seek_words(seek), *source, "-map", "0:V:0")
    chain = filter_chain(cell, from_window=seek is not None)
    if chain:
        words += ("-vf", chain)
    return (
        *words,
        "-an", "-sn", "-dn", "-map_metadata", "-1",
        "-fps_mode", "passthrough",
        *cell.spec.encode_argv,
        output_word(output),
    )  # fmt: skip


def filter_chain(cell: Cell, *, from_window: bool = False) -> str:
    """The filters before the encoder: the window, then the scale; empty for neither.

    Args:
        from_window: the first frame read is already the window's first.
    """
    parts: list[str] = []
    if not cell.window.is_full:
        first = 0 if from_window else cell.window.start_frame
        parts += [
            f"trim=start_frame={first}:end_frame={first + cell.window.frames}",
            "setpts=PTS-STARTPTS",
        ]
    if cell.spec.scale is not None:
        parts.append(f"scale={cell.spec.scale[0]}:{cell.spec.scale[1]}:flags=bicubic")
    return ",".join(parts)


def encode_cell(program: Path, cell: Cell, output: Path, *, job: Job | None = None) -> Encode:
    """Encode one cell to a file.

    Args:
        output: in a private folder; the caller moves it where it belongs.

    Raises:
        EncodeFailed: the encoder failed.
        FrameCount, Truncated: it said it was done, but packets are missing.
        Changed: the source changed meanwhile.
        StoreFull, ToolTimeout, Cancelled: as `run_ffmpeg`.
    """
    ensure_unchanged(cell.source)
    ensure_space(output.parent, scratch_bytes(cell), f"a trial of {show(cell.source.path)}")
    words = encode_words(cell, output)
    finished = run_ffmpeg(
        program, words, cwd=output.parent, job=job, failure=EncodeFailed,
        what=f"{cell.encoder.name} on {cell.source.path.name}",
    )  # fmt: skip
    knob = cell.encoder.quality
    setting = f"{cell.spec.preset}, {knob.knob} {knob.word(cell.quality)}"
    name = f"what {cell.encoder.name} made of {show(cell.source.path)} ({setting})"
    made = accept_encode(output, cell.window.frames, name)
    ensure_unchanged(cell.source)
    return Encode(
        path=output,
        source=made,
        argv=words[words.index("-c:v") : -1],
        encoder_version=cell.encoder.version_from_log(finished.stderr_tail),
        wall_s=finished.wall_s,
        cpu_s=finished.cpu_s,
    )


def accept_encode(path: Path, frames: int, name: str = "") -> Source:
    """The facts of an encode that is whole: it opens, and holds just as many frames.

    Args:
        name: what to call it in a message, where its path says nothing.

    Raises:
        Truncated: it is missing, empty or cut short.
        FrameCount: it holds another number of frames.
    """
    try:
        made = open_source(path)
    except InputError as error:
        reason = error.message.replace(show(path), name) if name else error.message
        raise Truncated(f"the encode is not whole: {reason}") from error
    if made.frame_count != frames or made.video_bits <= 0:
        raise FrameCount(
            f"the encode holds {made.frame_count} frames where {frames} were expected",
            hint="the encoder ended early; is the disk full?",
        )
    return made
