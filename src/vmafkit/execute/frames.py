"""Takes single frames out of videos, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vmafkit.errors import FrameCount, UsageError
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import input_words
from vmafkit.media.hashing import show
from vmafkit.media.source import Source

_MOST_PX = 1280
_PNG = b"\x89PNG\r\n\x1a\n"


def extract_frames(
    program: Path,
    source: Source,
    frames: Sequence[int],
    *,
    folder: Path,
    display: tuple[int, int] | None = None,
    job: Job | None = None,
) -> dict[int, bytes]:
    """Frames by their number from 0, as decoded, in one pass.

    Args:
        folder: a private one; what is written there is removed with it.
        display: (width, height) they are scaled to, bicubic; None for their own. Wider ones
            than 1280 are scaled down to that.

    Returns:
        Frame number to PNG bytes.

    Raises:
        UsageError: a number is not within the source.
        FrameCount: the decoder gave fewer frames than were asked for.
        ToolFailed, ToolTimeout, Cancelled: ffmpeg failed.
    """
    wanted = sorted(set(frames))
    if not wanted:
        return {}
    if wanted[0] < 0 or wanted[-1] >= source.frame_count:
        raise UsageError(
            f"{show(source.path)} has no frame {wanted[0] if wanted[0] < 0 else wanted[-1]}",
            hint=f"it has {source.frame_count}, counted from 0",
        )
    # The name is our own and relative: a pattern in the folder's name must not be read as one.
    words = (
        *input_words(source.path, raw=source.raw),
        "-map", "0:v:0", "-an", "-sn", "-vf", _graph(wanted, display or source.display_size),
        "-fps_mode", "passthrough", "-frames:v", str(len(wanted)),
        "-f", "image2", "-c:v", "png", "frame%06d.png",
    )  # fmt: skip
    run_ffmpeg(program, words, cwd=folder, job=job, what=f"taking frames of {source.path.name}")
    found: dict[int, bytes] = {}
    for place, frame in enumerate(wanted, 1):
        path = folder / f"frame{place:06d}.png"
        picture = path.read_bytes() if path.is_file() else b""
        if not picture.startswith(_PNG):
            raise FrameCount(f"frame {frame} of {show(source.path)} could not be decoded")
        found[frame] = picture
    return found


def _graph(frames: Sequence[int], size: tuple[int, int]) -> str:
    choice = "+".join(f"eq(n\\,{frame})" for frame in frames)
    width, height = size
    if width > _MOST_PX:
        width, height = _MOST_PX, max(2, round(height * _MOST_PX / width))
    return f"select={choice},scale={width}:{height}:flags=bicubic,format=rgb24"
