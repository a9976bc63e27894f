"""The tools that look at quality: score, worst_frames, and what frames look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit import api, fsio, settings
from vmafkit.decide.worst import worst_frames as lowest_frames
from vmafkit.mcp import args, desk, results
from vmafkit.mcp.jobs import Job
from vmafkit.mcp.roots import CallFiles

if TYPE_CHECKING:
    from vmafkit.scoring.score import Score

_TINY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MOST_PICTURE_BYTES = 1 << 20
Models = Annotated[
    list[Annotated[str, Field(max_length=4096)]],
    Field(max_length=8, description="ids or aliases, or libvmaf JSON files below a root"),
]
Features = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_=:.]{1,120}$")]],
    Field(max_length=16, description="such as psnr, ssim, name=psnr:enable_chroma=false"),
]


def model_words(files: CallFiles, words: Sequence[str]) -> list[str]:
    """Model ids as they are, files only from below the roots. Raises: Refused, UsageError."""
    from vmafkit.scoring.vmaf_models import model_by_id

    found: list[str] = []
    for word in words:
        if word.lower().endswith(".json") and "=" not in word:
            found.append(desk.path_word(files.read(word)))
        else:
            found.append(model_by_id(word).id)
    return found


def tiny_word(files: CallFiles, word: str | None) -> str | None:
    """A tiny model's id, or a file below the roots with all that is read beside it.

    Raises: Refused, Unreadable.
    """
    if word is None or _TINY_ID.fullmatch(word):
        return word
    path = files.read(word)
    files.beside(path.with_suffix(".json"))
    files.beside(path.parent / "registry.json")
    return str(path)


class ScoreTools:
    """The tools that score a pair."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def score(
        self,
        ctx: args.Ctx,
        reference: args.VideoPath,
        distorted: args.VideoPath,
        models: Models = [],  # noqa: B006
        features: Features = [],  # noqa: B006
        statistic: args.Statistic = "mean",
        display: args.Display = None,
        tiny_model: args.TinyModel | None = None,
        subsample: Annotated[int, Field(ge=1, le=10000)] = 1,
        frame_count: Annotated[int | None, Field(ge=1)] = None,
        skip_reference: Annotated[int, Field(ge=0)] = 0,
        skip_distorted: Annotated[int, Field(ge=0)] = 0,
        allow_hdr: bool = False,
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        report: args.BareName = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.ScoreAnswer]:
        """Score a distorted video against its reference with VMAF and other metrics."""
        files = self._desk.files()
        pair = (files.read(reference), files.read(distorted))
        words = {
            "models": model_words(files, models),
            "features": features,
            "statistic": statistic,
            "display": desk.size_of(display),
            "tiny_model": tiny_word(files, tiny_model),
            "subsample": subsample,
            "frame_count": frame_count,
            "skip_reference": skip_reference,
            "skip_distorted": skip_distorted,
            "allow_hdr": allow_hdr,
            "width": width,
            "height": height,
            "pix_fmt": pix_fmt,
            "framerate": framerate,
            "report": files.write(report) if report else None,
        }

        def work(job: Job) -> dict[str, Any]:
            return _scored(job, pair, words)[1]

        return await self._desk.run(ctx, "score", files, work, background=background)

    async def worst_frames(
        self,
        ctx: args.Ctx,
        reference: args.VideoPath,
        distorted: args.VideoPath,
        count: Annotated[int, Field(ge=1, le=8)] = 2,
        apart: Annotated[int, Field(ge=1, le=10000, description="frames between two")] = 12,
        picture_width_px: Annotated[int, Field(ge=32, le=640)] = 320,
        model: args.Model = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.ScoreAnswer]:
        """Score a pair and show its worst frames, the reference beside the distorted one."""
        files = self._desk.files()
        pair = (files.read(reference), files.read(distorted))
        words = {"models": model_words(files, [model] if model else [])}

        def work(job: Job) -> dict[str, Any]:
            found, record = _scored(job, pair, words, count=count, apart=apart)
            frames = [int(one["frame"]) for one in record["worst"]]
            job.pictures = _pictures(job, pair, found, frames, picture_width_px)
            return record

        return await self._desk.run(ctx, "worst_frames", files, work, background=background)


def _scored(
    job: Job, pair: tuple[Path, Path], words: dict[str, Any], *, count: int = 4, apart: int = 12
) -> tuple[Score, dict[str, Any]]:
    found = api.score(*pair, **words, cancel=job.cancel, on_progress=_frames(job))
    numbers = [int(number) for number in found.frame_numbers]
    job.frames = {
        "frame": numbers,
        **{name: [float(v) for v in values] for name, values in found.columns.items()},
    }
    record = api.score_record(found, *pair)
    # What a model computes on its way is in the frames for those who want it.
    heads = (*(model.id for model in found.models), *(tiny.id for tiny in found.tiny))
    record["pooled"] = {
        name: values
        for name, values in found.summary.items()
        if name in found.feature_columns or name.startswith(heads)
    } or found.summary
    column = found.model_id or next(iter(found.columns))
    scores = dict(zip(numbers, job.frames[column], strict=True))
    worst = lowest_frames(numbers, list(scores.values()), count=count, apart=apart)
    record["worst"] = [{"frame": frame, column: scores[frame]} for frame in worst]
    return found, record


def _frames(job: Job) -> Any:
    def deliver(done: int, total: int) -> None:
        job.advance(done, total, "frames scored")

    return deliver


def _pictures(
    job: Job, pair: tuple[Path, Path], found: Score, frames: list[int], width_px: int
) -> list[tuple[str, bytes]]:
    from vmafkit.execute.frames import extract_frames
    from vmafkit.ffmpeg.locate import find_ffmpeg
    from vmafkit.ffmpeg.run import Job as Run
    from vmafkit.media.probe import open_source
    from vmafkit.store.scratch import scratch_folder

    width, height = found.display
    size = (min(width_px, width), max(2, round(height * min(width_px, width) / width)))
    pictures: dict[str, dict[int, bytes]] = {}
    with scratch_folder(settings.cache_folder()) as scratch:
        for side, path in zip(("reference", "distorted"), pair, strict=True):
            folder = scratch / side
            fsio.ensure_folder(folder)
            pictures[side] = extract_frames(
                find_ffmpeg(None), open_source(path), frames,
                folder=folder, display=size, job=Run(cancel=job.cancel),
            )  # fmt: skip
    shown: list[tuple[str, bytes]] = []
    room = _MOST_PICTURE_BYTES
    for frame in frames:
        for side, taken in pictures.items():
            room -= len(taken[frame])
            if room >= 0:
                shown.append((f"frame {frame}, {side}", taken[frame]))
    return shown
