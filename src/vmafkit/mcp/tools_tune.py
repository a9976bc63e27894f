"""The tools that encode: recommend, auto and compare."""

from __future__ import annotations

from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit.mcp import args, desk, results
from vmafkit.mcp.roots import CallFiles

Words = dict[str, Any]


def recommend_words(files: CallFiles, given: Words) -> Words:
    """What `recommend` calls with. Raises: Refused, Unreadable."""
    return given | {
        "source": files.read_if(given["source"]),
        "from_corpus": files.read_if(given["from_corpus"]),
        "output": files.write_if(given["output"]),
        "report": files.write_if(given["report"]),
    }


def auto_words(files: CallFiles, given: Words) -> Words:
    """What `auto` calls with. Raises: Refused, Unreadable."""
    words = given | {"source": files.read(given["source"])}
    return words | {"runs_dir": files.write("runs")} if given["execute"] else words


def compare_words(files: CallFiles, given: Words) -> Words:
    """What `compare` calls with. Raises: Refused, Unreadable."""
    return given | {
        "sources": [files.read(each) for each in given["sources"]],
        "display": desk.size_of(given["display"]),
        "output": files.write_if(given["output"]),
        "report": files.write_if(given["report"]),
    }


class TuneTools:
    """The tools that look for settings."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

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
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.RecommendAnswer]:
        """Find the cheapest setting that meets every target within the caps, by measuring."""
        given, files = desk.words_of(locals()), self._desk.files()
        words = recommend_words(files, given)
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
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.AutoAnswer]:
        """Plan codec, preset and setting for a target; with execute also encode and prove it."""
        given, files = desk.words_of(locals()), self._desk.files()
        words = auto_words(files, given)
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
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Measure encoders and presets on whole sources: BD-rates, and bits at equal quality."""
        given, files = desk.words_of(locals()), self._desk.files()
        words = compare_words(files, given)
        return await self._desk.run(ctx, "compare", files, words, background=background)
