"""The tools that shape whole titles: ladder and tune_per_shot."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit import api
from vmafkit.mcp import args, desk, results
from vmafkit.mcp.jobs import Job

Sizes = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9]{1,5}(x[0-9]{1,5})?$")]],
    Field(max_length=16, description="1280x720 or 720; none for the usual ones"),
]
Kbps = Annotated[float | None, Field(gt=0)]


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
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.LadderAnswer]:
        """Measure renditions at display size, take the hull, and pick the rungs on it."""
        files = self._desk.files()
        path = files.read(source)
        words: dict[str, Any] = {
            "encoder": encoder,
            "preset": preset,
            "resolutions": resolutions,
            "crf": crf,
            "quality_tiers": quality_tiers,
            "min_kbps": min_kbps,
            "max_kbps": max_kbps,
            "max_quality": max_quality,
            "model": model,
            "display": desk.size_of(display),
            "samples": samples,
            "full": full,
            "segment_duration_s": segment_duration_s,
            "format": format,
            "output": files.write("ladder") if format else None,
            "report": files.write(report) if report else None,
            "allow_hdr": allow_hdr,
        }

        def work(job: Job) -> dict[str, Any]:
            found = api.ladder(path, **words, cancel=job.cancel, on_event=desk.told(job))
            return found.record()

        return await self._desk.run(ctx, "ladder", files, work, background=background)

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
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.PerShotAnswer]:
        """Encode each shot with its own setting, join them, and prove that it pays."""
        files = self._desk.files()
        path = files.read(source)
        words: dict[str, Any] = {
            "target": target,
            "encoder": encoder,
            "preset": preset,
            "mode": mode,
            "worst": worst,
            "model": model,
            "crf_min": crf_min,
            "crf_max": crf_max,
            "probes": probes,
            "output": files.write(output) if output else None,
            "allow_hdr": allow_hdr,
        }

        def work(job: Job) -> dict[str, Any]:
            found = api.tune_per_shot(path, **words, cancel=job.cancel, on_event=desk.told(job))
            return found.record()

        return await self._desk.run(ctx, "tune_per_shot", files, work, background=background)
