"""The tools that encode: recommend, auto, compare, and plan, which only says what they would do."""

from __future__ import annotations

from typing import Annotated, Literal

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit.mcp import args, desk, results


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
        words, files = desk.words_of(locals()), self._desk.files()
        words["source"] = files.read(source)
        return await self._desk.run(ctx, "plan", files, words, background=background)

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
        score_backend: args.ScoreBackend = "auto",
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.RecommendAnswer]:
        """Find the cheapest setting that meets every target within the caps, by measuring."""
        words, files = desk.words_of(locals()), self._desk.files()
        words |= {
            "source": files.read_if(source),
            "from_corpus": files.read_if(from_corpus),
            "output": files.write_if(output),
            "report": files.write_if(report),
        }
        return await self._desk.run(ctx, "recommend", files, words, background=background)

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
        score_backend: args.ScoreBackend = "auto",
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.AutoAnswer]:
        """Plan codec, preset and setting for a target; with execute also encode and prove it."""
        words, files = desk.words_of(locals()), self._desk.files()
        words["source"] = files.read(source)
        if execute:
            words["runs_dir"] = files.write("runs")
        return await self._desk.run(ctx, "auto", files, words, background=background)

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
        score_backend: args.ScoreBackend = "auto",
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Measure encoders and presets on whole sources: BD-rates, and bits at equal quality."""
        words, files = desk.words_of(locals()), self._desk.files()
        words |= {
            "sources": [files.read(each) for each in sources],
            "display": desk.size_of(display),
            "output": files.write_if(output),
            "report": files.write_if(report),
        }
        return await self._desk.run(ctx, "compare", files, words, background=background)
