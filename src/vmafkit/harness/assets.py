"""Assets: the pairs of a recipe, each with all that its scores depend on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vmafkit.errors import Refused
from vmafkit.harness.workspace import Workspace
from vmafkit.media.source import RawGeometry
from vmafkit.schema.recipe import DisVideo, Recipe, RefVideo

NOT_YUV = "notyuv"
_RAW_SUFFIXES = (".yuv", ".raw", ".rgb", "")
_TERM = re.compile(r"(iw|ih|\d{1,5})([+-]\d{1,5})?")
_RATE = re.compile(r"(?:fps=)?(\d{1,6}(?:\.\d{1,6})?(?:/\d{1,6})?)")

Box = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done to one side before it is compared, in this order.

    Attributes:
        fps: another frame rate, or None.
        crop: words of w, h and maybe x, y, or None.
        pad: words of w, h, x, y, or None.
        resampling: how it is scaled to the size of comparison.
        pix_fmt: the format it is taken to first, or None.
    """

    fps: Fraction | None = None
    crop: Box | None = None
    pad: Box | None = None
    resampling: str = "bicubic"
    pix_fmt: str | None = None


@dataclass(frozen=True, slots=True)
class SideSpec:
    """One video of an asset.

    Attributes:
        path: absolute.
        raw: its geometry when the file does not say it.
        steps: before comparing.
        frames: (first, last) frame, the last included; None for all.
    """

    path: Path
    raw: RawGeometry | None
    steps: Steps = Steps()
    frames: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A pair of videos and what people thought of it.

    Attributes:
        content: what it shows; contents are what cross-validation keeps apart.
        label: unique within the data set.
        reference, distorted: the two sides.
        size_px: (width, height) of comparison; None for the reference's own.
        encode: (width, height, bit depth) before scaling to the display, or None.
        score: the opinion score, or None.
        score_error: the standard error of that score, or None.
        opinions: raw scores, subject to one score or several, or a list; None for none.
        is_reference: the distorted side is the reference itself.
    """

    dataset: str
    content: str
    label: str
    reference: SideSpec
    distorted: SideSpec
    size_px: tuple[int, int] | None = None
    encode: tuple[int, int, int] | None = None
    score: float | None = None
    score_error: float | None = None
    opinions: Mapping[str, tuple[float, ...]] | None = None
    is_reference: bool = False


def assets_of(recipe: Recipe, folder: Path, workspace: Workspace) -> list[Asset]:
    """The assets of a recipe, in its order.

    Args:
        folder: of the recipe; relative paths start there, else in the workspace's `dataset`.

    Raises:
        Refused: a raw video has no geometry, sizes differ without a size of comparison, a crop,
            pad or rate is not one, a range of frames is none, or frames are marked as stalls.
    """
    references = {video.content_id: video for video in recipe.ref_videos}
    return [
        _asset(recipe, references[video.content_id], video, folder, workspace)
        for video in recipe.dis_videos
    ]


def raw_geometry(yuv_fmt: str, width: int, height: int, fps: object = 25) -> RawGeometry | None:
    """The geometry of a file as a command line names it; None for `notyuv`."""
    if yuv_fmt == NOT_YUV:
        return None
    return RawGeometry(width, height, yuv_fmt, Fraction(str(fps)).limit_denominator(1001))


def _asset(
    recipe: Recipe, ref: RefVideo, dis: DisVideo, folder: Path, workspace: Workspace
) -> Asset:
    where = f"asset {dis.asset_id}"
    if dis.rebuf_indices:
        raise Refused(
            f"{where} has rebuf_indices, and frames that stall cannot be left out",
            hint="take that asset or that field out of the recipe",
        )
    rate = dis.fps or recipe.fps or 25
    reference = _side(recipe, ref, where, folder, workspace, rate, _frames(recipe, ref, dis, "ref"))
    distorted = _side(recipe, dis, where, folder, workspace, rate, _frames(recipe, ref, dis, "dis"))
    width = dis.quality_width or recipe.quality_width
    height = dis.quality_height or recipe.quality_height
    if (width is None) != (height is None):
        raise Refused(f"{where} has one of quality_width and quality_height", hint="give both")
    size = None if width is None or height is None else (width, height)
    sizes = {(side.raw.width, side.raw.height) for side in (reference, distorted) if side.raw}
    shaped = any(side.steps.crop or side.steps.pad for side in (reference, distorted))
    if size is None and len(sizes) > 1 and not shaped:
        raise Refused(
            f"{where}: reference and distorted video differ in size",
            hint="give quality_width and quality_height, the size they are compared at",
        )
    encode = None
    if dis.enc_width and dis.enc_height:
        encode = (dis.enc_width, dis.enc_height, dis.enc_bitdepth or 8)
    opinions = _opinions(dis)
    scores = [value for values in (opinions or {}).values() for value in values]
    return Asset(
        dataset=recipe.dataset_name,
        content=str(ref.content_id),
        label=str(dis.asset_id),
        reference=reference,
        distorted=distorted,
        size_px=size,
        encode=encode,
        score=_given_score(dis) if not scores else sum(scores) / len(scores),
        score_error=dis.groundtruth_std,
        opinions=opinions,
        is_reference=reference.path == distorted.path,
    )


def _side(
    recipe: Recipe,
    video: RefVideo | DisVideo,
    where: str,
    folder: Path,
    workspace: Workspace,
    rate: object,
    frames: tuple[int, int] | None,
) -> SideSpec:
    def said(name: str) -> Any:
        own = getattr(video, name)
        return getattr(recipe, name) if own is None else own

    path = _resolved(video.path, folder, workspace)
    fmt = said("yuv_fmt") or "yuv420p"
    raw = None
    if path.suffix.lower() in _RAW_SUFFIXES and fmt != NOT_YUV:
        if not said("width") or not said("height"):
            raise Refused(
                f"{where}: {path.name} is raw video without width and height", hint="give both"
            )
        raw = raw_geometry(fmt, said("width"), said("height"), rate)
    steps = Steps(
        fps=_rate(said("fps_cmd"), where),
        crop=_box(said("crop_cmd"), "crop_cmd", where, (2, 4)),
        pad=_box(said("pad_cmd"), "pad_cmd", where, (4,)),
        resampling=said("resampling_type") or "bicubic",
        pix_fmt=said("workfile_yuv_type"),
    )
    return SideSpec(path, raw, steps, frames)


def _resolved(path: str, folder: Path, workspace: Workspace) -> Path:
    own = folder / path
    if Path(path).is_absolute() or own.exists():
        return own.absolute()
    stored = workspace.root / "dataset" / path
    return (stored if stored.exists() else own).absolute()


def _frames(recipe: Recipe, ref: RefVideo, dis: DisVideo, side: str) -> tuple[int, int] | None:
    own = (
        (ref.ref_start_frame, ref.ref_end_frame)
        if side == "ref"
        else (dis.dis_start_frame, dis.dis_end_frame)
    )
    first, last = (
        next((value for value in values if value is not None), None)
        for values in (
            (own[0], dis.start_frame, recipe.start_frame),
            (own[1], dis.end_frame, recipe.end_frame),
        )
    )
    if first is None and last is None:
        return _frames_of_duration(recipe, dis)
    if last is None:
        raise Refused(
            f"asset {dis.asset_id} has a first frame and no last", hint="give the end frame too"
        )
    first = first or 0
    if last < first:
        raise Refused(f"asset {dis.asset_id}: frames {first} to {last} are none")
    return first, last


def _frames_of_duration(recipe: Recipe, dis: DisVideo) -> tuple[int, int] | None:
    duration_s = recipe.duration_sec if dis.duration_sec is None else dis.duration_sec
    if duration_s is None:
        return None
    rate = dis.fps or recipe.fps
    if rate is None:
        raise Refused(
            f"asset {dis.asset_id} has duration_sec and no fps",
            hint="give fps too, or the last frame as end_frame",
        )
    frames = duration_s * rate
    if not math.isfinite(frames) or round(frames) < 1:
        raise Refused(
            f"asset {dis.asset_id}: {duration_s:g} s at {rate:g} frames a second are no frames"
        )
    return 0, round(frames) - 1


def _opinions(dis: DisVideo) -> dict[str, tuple[float, ...]] | None:
    if dis.os is None:
        return None
    if isinstance(dis.os, list):
        return {f"#{index}": (float(value),) for index, value in enumerate(dis.os)}
    return {
        str(name): tuple(value) if isinstance(value, list) else (float(value),)
        for name, value in dis.os.items()
    }


def _given_score(dis: DisVideo) -> float | None:
    return next((v for v in (dis.dmos, dis.mos, dis.groundtruth) if v is not None), None)


def _box(text: str | None, name: str, where: str, counts: tuple[int, ...]) -> Box | None:
    """The terms of a crop or pad; nothing but numbers, iw and ih gets through."""
    if text is None:
        return None
    terms = tuple(part.strip() for part in text.split(":"))
    if len(terms) not in counts or not all(_TERM.fullmatch(term) for term in terms):
        raise Refused(
            f"{where}: {name} {text[:40]!r} is not understood",
            hint="write w:h:x:y with numbers, or iw and ih with a number added, such as iw-6",
        )
    return terms


def _rate(value: str | int | float | None, where: str) -> Fraction | None:
    if value is None:
        return None
    found = _RATE.fullmatch(str(value).strip())
    rate = Fraction(found[1]) if found and not found[1].endswith("/0") else Fraction(0)
    if rate <= 0:
        raise Refused(f"{where}: fps_cmd {value!r} is not a rate", hint="such as 25 or 30000/1001")
    return rate
