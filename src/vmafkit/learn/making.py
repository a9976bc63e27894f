"""Makes clips and distorted sides: draws, cuts, encodes, filters."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import input_words, output_word
from vmafkit.learn.datasets.base import Clip, View
from vmafkit.media.hashing import HashCache, content_hash
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source

_MADE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A clip as a file.

    Attributes:
        clip: what it was made from.
        source: probed.
        sha256: of the file.
    """

    clip: Clip
    source: Source
    sha256: str


def prepare(
    program: Path, clip: Clip, folder: Path, hashes: HashCache, job: Job | None = None
) -> Prepared:
    """The clip's file, drawn or cut unless it was before.

    Args:
        folder: where made files are kept, under names that tell what is in them.

    Raises:
        UsageError: a view asks for what the clip has not.
        InputError, ToolFailed: the clip cannot be read or made.
    """
    if clip.path is not None and clip.view is None:
        source = open_source(clip.path, raw=clip.raw)
        return Prepared(clip, source, content_hash(source.path, hashes))
    facts: dict[str, object] = {"version": _MADE_VERSION, "program": program.name}
    if clip.path is None:
        words = ["-f", "lavfi", "-i", clip.graph, "-frames:v", str(clip.frames)]
        words += ["-pix_fmt", "yuv420p"]
        facts |= {"graph": clip.graph, "frames": clip.frames}
    else:
        original = open_source(clip.path, raw=clip.raw)
        view = clip.view or View()
        words = [*input_words(original.path, raw=original.raw), "-map", "0:V:0", "-an"]
        words += ["-vf", view_filters(view, original), "-fps_mode", "passthrough"]
        facts |= {"source": content_hash(original.path, hashes), "view": asdict(view)}
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
    path = folder / f"{name}.y4m"
    if not path.is_file():
        fsio.ensure_folder(folder)
        _make(program, [*words, "-threads", "1"], path, job)
    source = open_source(path)
    return Prepared(clip, source, content_hash(path, hashes))


def view_filters(view: View, original: Source) -> str:
    """The filter chain that cuts a view out of a clip; numbers only.

    Raises:
        UsageError: the view reaches past the clip.
    """
    width, height = original.display_size
    frames = view.frames
    count = original.frame_count - view.start if frames is None else frames * view.step
    if count < 1 or view.start + count > original.frame_count + view.step - 1:
        raise UsageError(f"view {view.name} reaches past the {original.frame_count} frames")
    chain = [f"trim=start_frame={view.start}:end_frame={view.start + count}"]
    if view.step > 1:
        chain.append(f"select='not(mod(n,{view.step}))'")
    chain.append("setpts=N/25/TB")
    if view.crop is not None:
        wide, high, x, y = view.crop
        if wide < 1 or high < 1 or x + wide > width or y + high > height:
            raise UsageError(f"view {view.name} reaches past the {width}x{height} picture")
        chain.append(f"crop={wide}:{high}:{x}:{y}")
    if view.scale is not None:
        chain.append(f"scale={view.scale[0]}:{view.scale[1]}:flags=bicubic")
    return ",".join(chain)


def filtered(program: Path, clip: Prepared, text: str, folder: Path, job: Job | None) -> Path:
    """A distorted side made by a filter of ours, lossless, in a private folder."""
    output = folder / "distorted.y4m"
    source = clip.source
    words = [*input_words(source.path, raw=source.raw), "-map", "0:V:0", "-an", "-vf", text]
    _make(program, [*words, "-pix_fmt", source.pix_fmt, "-threads", "1"], output, job)
    return output


def _make(program: Path, words: list[str], path: Path, job: Job | None) -> None:
    """Write a y4m file, whole or not at all."""
    with (
        fsio.scratch_folder() as folder,
        fsio.atomic_path(path) as temp,
    ):
        run_ffmpeg(
            program,
            [*words, "-strict", "-1", "-f", "yuv4mpegpipe", output_word(temp)],
            cwd=folder,
            job=job,
            what=f"making {path.name}",
        )
