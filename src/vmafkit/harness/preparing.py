"""Opens the sides of an asset, and makes those that a recipe crops, pads or resamples."""

from __future__ import annotations

from pathlib import Path

from vmafkit.errors import ResultInvalid
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import input_words, output_word
from vmafkit.harness.assets import Asset, SideSpec
from vmafkit.media import pixfmt
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source
from vmafkit.media.window import Window
from vmafkit.scoring.pair import Pair


def pair_of(program: Path, asset: Asset, folder: Path, job: Job | None = None) -> Pair:
    """The pair to score.

    Args:
        folder: private; what has to be made lies there.

    Raises:
        InputError: a side cannot be used.
        ToolFailed, ResultInvalid, StoreFull, Cancelled: a side cannot be made.
    """
    made = [
        _opened(program, side, asset.size_px, folder / f"{name}.y4m", job)
        for name, side in (("reference", asset.reference), ("distorted", asset.distorted))
    ]
    reference, distorted = made
    windows = _window(asset.reference, reference), _window(asset.distorted, distorted)
    return Pair(reference, distorted, *windows)


def _window(side: SideSpec, source: Source) -> Window | None:
    if side.frames is None:
        return None
    first, last = side.frames
    return Window(first, last - first + 1, is_full=(first, last) == (0, source.frame_count - 1))


def _opened(
    program: Path, side: SideSpec, size: tuple[int, int] | None, output: Path, job: Job | None
) -> Source:
    source = open_source(side.path, raw=side.raw)
    chain = filter_chain(side, source, size)
    if not chain:
        return source
    words = [*input_words(source.path, raw=source.raw), "-map", "0:V:0", "-an", "-sn", "-dn"]
    words += ["-vf", chain, "-threads", "1", "-strict", "-1", "-f", "yuv4mpegpipe"]
    what = f"preparing {side.path.name}"
    run_ffmpeg(program, [*words, output_word(output)], cwd=output.parent, job=job, what=what)
    made = open_source(output)
    if side.steps.fps is None and made.frame_count != source.frame_count:
        raise ResultInvalid(
            f"{what} gave {made.frame_count} of {source.frame_count} frames",
            hint="is the disk full?",
        )
    return made


def filter_chain(side: SideSpec, source: Source, size: tuple[int, int] | None) -> str:
    """The filters of a side, made of numbers and known words; empty for none."""
    steps, chain = side.steps, list[str]()
    if steps.fps is not None and steps.fps != source.framerate:
        chain.append(f"fps={steps.fps}")
    if steps.crop is not None:
        chain.append(f"crop={':'.join(steps.crop)}")
    if steps.pad is not None:
        chain.append(f"pad={':'.join(steps.pad)}")
    if size is not None and steps.resampling != "bicubic" and size != source.display_size:
        chain.append(f"scale={size[0]}:{size[1]}:flags={steps.resampling}")
    if steps.pix_fmt is not None and steps.pix_fmt != source.pix_fmt:
        pixfmt.bit_depth(steps.pix_fmt)
        chain.append(f"format={steps.pix_fmt}")
    if chain and steps.pix_fmt is None:
        chain.append(f"format={pixfmt.common_planar(source.pix_fmt, source.pix_fmt)}")
    return ",".join(chain)
