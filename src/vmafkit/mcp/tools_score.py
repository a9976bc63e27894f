"""The tools that look at quality: score, worst_frames, and what frames look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit.mcp import args, desk, results
from vmafkit.mcp.roots import CallFiles

_TINY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
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


def tiny_word(files: CallFiles, word: str) -> str:
    """A tiny model's id, or a file below the roots with all that is read beside it.

    Raises: Refused, Unreadable.
    """
    if _TINY_ID.fullmatch(word):
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
        score_backend: args.ScoreBackend = "auto",
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        report: args.BareName = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.ScoreAnswer]:
        """Score a distorted video against its reference with VMAF and other metrics."""
        words, files = desk.words_of(locals()), self._desk.files()
        words |= {
            "reference": files.read(reference),
            "distorted": files.read(distorted),
            "models": model_words(files, models),
            "display": desk.size_of(display),
            "tiny_model": tiny_word(files, tiny_model) if tiny_model else None,
            "report": files.write_if(report),
        }
        return await self._desk.run(ctx, "score", files, words, background=background)

    async def worst_frames(
        self,
        ctx: args.Ctx,
        reference: args.VideoPath,
        distorted: args.VideoPath,
        count: Annotated[int, Field(ge=1, le=8)] = 2,
        apart: Annotated[int, Field(ge=1, le=10000, description="frames between two")] = 12,
        picture_width_px: Annotated[int, Field(ge=32, le=640)] = 320,
        models: Models = [],  # noqa: B006
        features: Features = [],  # noqa: B006
        display: args.Display = None,
        allow_hdr: bool = False,
        score_backend: args.ScoreBackend = "auto",
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.ScoreAnswer]:
        """Score a pair and show its worst frames, the reference beside the distorted one."""
        words, files = desk.words_of(locals()), self._desk.files()
        words |= {
            "reference": files.read(reference),
            "distorted": files.read(distorted),
            "models": model_words(files, models),
            "display": desk.size_of(display),
        }
        return await self._desk.run(ctx, "worst_frames", files, words, background=background)
