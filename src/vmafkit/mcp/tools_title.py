"""The tools that shape whole titles: ladder and tune_per_shot."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit.mcp import args, desk, results
from vmafkit.mcp.roots import CallFiles

Sizes = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9]{1,5}(x[0-9]{1,5})?$")]],
    Field(max_length=16, description="1280x720 or 720; none for the usual ones"),
]
Kbps = Annotated[float | None, Field(gt=0)]
Words = dict[str, Any]


def ladder_words(files: CallFiles, given: Words) -> Words:
    """What `ladder` calls with. Raises: Refused, Unreadable."""
    return given | {
        "source": files.read(given["source"]),
        "display": desk.size_of(given["display"]),
        "output": files.write("ladder") if given["format"] else None,
        "report": files.write_if(given["report"]),
    }


def per_shot_words(files: CallFiles, given: Words) -> Words:
    """What `tune_per_shot` calls with. Raises: Refused, Unreadable."""
    return given | {
        "source": files.read(given["source"]),
        "output": files.write_if(given["output"]),
    }


class TitleTools:
    """The tools that make a ladder, or a setting for each shot."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def ladder(
        self,
        ctx: args.Ctx,
        source: args.VideoPath,
        encoder: args.Encoder = "libx264",
        preset: args.Preset = None,
        resolutions: Sizes = [],  # noqa: B006
        crf: args.Quality = [],  # noqa: B006
        quality_tiers: Annotated[int | None, Field(ge=1, le=16)] = None,
        min_kbps: Kbps = None,
        max_kbps: Kbps = None,
        max_quality: Annotated[float, Field(gt=0, le=110)] = 95.0,
        model: args.Model = None,
        display: args.Display = None,
        samples: args.Samples = None,
        full: args.Full = False,
        segment_duration_s: Annotated[float, Field(gt=0, le=60)] = 4.0,
        format: Annotated[list[Literal["hls", "dash"]], Field(description="packages to make")] = [],  # noqa: B006
        report: args.BareName = None,
        allow_hdr: bool = False,
        score_backend: args.ScoreBackend = "auto",
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.LadderAnswer]:
        """Measure renditions at display size, take the hull, and pick the rungs on it."""
        given, files = desk.words_of(locals()), self._desk.files()
        words = ladder_words(files, given)
        return await self._desk.run(ctx, "ladder", files, words, background=background)

    async def tune_per_shot(
        self,
        ctx: args.Ctx,
        source: args.VideoPath,
        target: Annotated[str, Field(max_length=80, description="a mean, such as 93")] = "93",
        encoder: args.Encoder = "libx264",
        preset: args.Preset = None,
        mode: Literal["constant-slope", "constant-quality"] = "constant-slope",
        worst: Annotated[float | None, Field(description="no shot may lie below")] = None,
        model: args.Model = None,
        crf_min: float | None = None,
        crf_max: float | None = None,
        probes: Annotated[int, Field(ge=2, le=12)] = 4,
        output: args.BareName = None,
        allow_hdr: bool = False,
        score_backend: args.ScoreBackend = "auto",
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.PerShotAnswer]:
        """Encode each shot with its own setting, join them, and prove that it pays."""
        given, files = desk.words_of(locals()), self._desk.files()
        words = per_shot_words(files, given)
        return await self._desk.run(ctx, "tune_per_shot", files, words, background=background)
