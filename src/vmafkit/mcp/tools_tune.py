"""The tools that encode: recommend, auto, compare, and plan, which only says what they would do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit import api
from vmafkit.mcp import args, desk, results
from vmafkit.mcp.jobs import Job


class TuneTools:
    """The tools that look for settings."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def plan(
        self,
        ctx: args.Ctx,
        verb: Literal["recommend", "auto", "ladder", "tune_per_shot"],
        source: args.VideoPath,
        target: args.Targets = ["93"],  # noqa: B006
        encoder: args.Encoder = "libx264",
        preset: args.Preset = None,
        model: args.Model = None,
        samples: args.Samples = None,
        full: args.Full = False,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.PlanAnswer]:
        """Say what a verb would run and what it would cost; nothing is encoded."""
        from vmafkit.mcp.planning import plan

        files = self._desk.files()
        path = files.read(source)
        limit_s = self._desk.jobs.limits.time_s

        def work(job: Job) -> dict[str, Any]:
            found = plan(
                verb, path, target, encoder, preset,
                model=model, samples=samples, full=full, cancel=job.cancel,
            )  # fmt: skip
            return {**found, "time_limit_s": limit_s}

        return await self._desk.run(ctx, "plan", files, work, background=background)

    async def recommend(
        self,
        ctx: args.Ctx,
        source: args.VideoPath | None = None,
        target: args.Targets = [],  # noqa: B006
        encoder: args.Encoder = "libx264",
        preset: args.Preset = None,
        model: args.Model = None,
        max_bitrate: args.Amount = None,
        max_size: args.Amount = None,
        max_encoded_percent: args.Amount = None,
        tolerance: Annotated[float | None, Field(gt=0)] = None,
        samples: args.Samples = None,
        sample_duration_s: args.Seconds = None,
        full: args.Full = False,
        from_corpus: args.FilePath | None = None,
        predict_only: bool = False,
        output: args.BareName = None,
        report: args.BareName = None,
        allow_hdr: bool = False,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.RecommendAnswer]:
        """Find the cheapest setting that meets every target within the caps, by measuring."""
        files = self._desk.files()
        path = files.read(source) if source else None
        words: dict[str, Any] = {
            "encoder": encoder,
            "preset": preset,
            "target": target,
            "model": model,
            "max_bitrate": max_bitrate,
            "max_size": max_size,
            "max_encoded_percent": max_encoded_percent,
            "tolerance": tolerance,
            "samples": samples,
            "sample_duration_s": sample_duration_s,
            "full": full,
            "from_corpus": files.read(from_corpus) if from_corpus else None,
            "predict_only": predict_only,
            "output": files.write(output) if output else None,
            "report": files.write(report) if report else None,
            "allow_hdr": allow_hdr,
        }

        def work(job: Job) -> dict[str, Any]:
            found = api.recommend(path, **words, cancel=job.cancel, on_event=desk.told(job))
            return found.record()

        return await self._desk.run(ctx, "recommend", files, work, background=background)

    async def auto(
        self,
        ctx: args.Ctx,
        source: args.VideoPath,
        target: args.Targets,
        allow_codecs: args.Encoders = [],  # noqa: B006
        preset: Annotated[list[Annotated[str, Field(max_length=24)]], Field(max_length=8)] = [],  # noqa: B006
        model: args.Model = None,
        max_bitrate: args.Amount = None,
        max_size: args.Amount = None,
        samples: args.Samples = None,
        full: args.Full = False,
        execute: Annotated[bool, Field(description="also encode, score and correct")] = False,
        allow_hdr: bool = False,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.AutoAnswer]:
        """Plan codec, preset and setting for a target; with execute also encode and prove it."""
        files = self._desk.files()
        path = files.read(source)
        words: dict[str, Any] = {
            "target": target,
            "allow_codecs": allow_codecs,
            "preset": preset,
            "model": model,
            "max_bitrate": max_bitrate,
            "max_size": max_size,
            "samples": samples,
            "full": full,
            "execute": execute,
            "allow_hdr": allow_hdr,
        }
        if execute:
            words["runs_dir"] = files.write("runs")

        def work(job: Job) -> dict[str, Any]:
            found = api.auto(path, **words, cancel=job.cancel, on_event=desk.told(job))
            rows = [row.model_dump(mode="json") for row in found.results]
            met = found.met if execute else None
            return {"type": "auto", "met": met, "plan": found.plan.record(), "results": rows}

        return await self._desk.run(ctx, "auto", files, work, background=background)

    async def compare(
        self,
        ctx: args.Ctx,
        sources: Annotated[list[args.VideoPath], Field(min_length=1, max_length=16)],
        encoder: args.Encoders = ["libx264", "libx265", "libsvtav1"],  # noqa: B006
        preset: Annotated[list[Annotated[str, Field(max_length=24)]], Field(max_length=8)] = [],  # noqa: B006
        crf: args.Quality = [],  # noqa: B006
        target: Annotated[str | None, Field(max_length=80)] = None,
        metric: args.Statistic = "vmaf",
        model: args.Model = None,
        display: args.Display = None,
        output: args.BareName = None,
        report: args.BareName = None,
        allow_hdr: bool = False,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Measure encoders and presets on whole sources: BD-rates, and bits at equal quality."""
        from vmafkit.report.comparison import comparison_record

        files = self._desk.files()
        paths = [files.read(each) for each in sources]
        words: dict[str, Any] = {
            "encoder": encoder,
            "preset": preset,
            "crf": crf,
            "target": target,
            "metric": metric,
            "model": model,
            "display": desk.size_of(display),
            "output": files.write(output) if output else None,
            "report": files.write(report) if report else None,
            "allow_hdr": allow_hdr,
        }

        def work(job: Job) -> dict[str, Any]:
            found = api.compare(paths, **words, cancel=job.cancel, on_event=desk.told(job))
            return comparison_record(found)

        return await self._desk.run(ctx, "compare", files, work, background=background)
