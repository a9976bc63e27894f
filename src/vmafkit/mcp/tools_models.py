"""The tools about models: lists, descriptions, and how well tiny models agree."""

from __future__ import annotations

import csv
import io
import os
from typing import Annotated

from mcp_types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from vmafkit import api
from vmafkit.mcp import args, desk, results
from vmafkit.mcp.roots import CallFiles
from vmafkit.mcp.tools_score import tiny_word
from vmafkit.scoring.vmaf_models import TABLE

_FIELDS = ("reference", "distorted", "width", "height", "pix_fmt", "framerate")


class PairOfFiles(BaseModel):
    """A reference and its distorted version."""

    model_config = ConfigDict(extra="forbid")

    reference: args.VideoPath
    distorted: args.VideoPath
    width: args.Width = None
    height: args.Height = None
    pix_fmt: args.PixFmt = None
    framerate: args.Framerate = None


class ModelTools:
    """The tools that deal with models."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def list_models(self) -> Annotated[CallToolResult, results.Listing]:
        """List the VMAF models and the tiny models, by id."""
        return desk.structured({"items": api.list_models()})

    async def describe_model(
        self, ctx: args.Ctx, model: args.TinyModel
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Describe one model: a VMAF model or a tiny model by id, or an .onnx file."""
        words, files = desk.words_of(locals()), self._desk.files()
        words["model"] = model if model in TABLE else tiny_word(files, model)
        return await self._desk.run(ctx, "describe_model", files, words)

    async def eval_model_on_split(
        self,
        ctx: args.Ctx,
        model: args.TinyModel,
        features: args.FilePath,
        split: args.Split = "test",
        bootstrap: Annotated[int, Field(ge=0, le=2000)] = 200,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Hold a tiny model against its teacher on one part of a feature table."""
        words, files = desk.words_of(locals()), self._desk.files()
        words |= {"model": tiny_word(files, model), "features": files.read(features)}
        return await self._desk.run(ctx, "eval_model_on_split", files, words)

    async def compare_models(
        self,
        ctx: args.Ctx,
        models: Annotated[list[args.TinyModel], Field(min_length=1, max_length=16)],
        features: args.FilePath,
        split: args.Split = "test",
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Hold several tiny models against the same rows; the lowest RMSE is first."""
        words, files = desk.words_of(locals()), self._desk.files()
        found = [tiny_word(files, model) for model in models]
        words |= {"models": found, "features": files.read(features)}
        return await self._desk.run(ctx, "compare_models", files, words)

    async def extract_features(
        self,
        ctx: args.Ctx,
        pairs: Annotated[list[PairOfFiles], Field(min_length=1, max_length=256)],
        output: Annotated[str, Field(pattern=r"\.parquet$", max_length=120)] = "features.parquet",
        teacher: args.Model = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Extract per-frame features and a VMAF model's score of pairs into Parquet."""
        files = self._desk.files()
        root, listing = _listing(files, pairs)
        words = {"output": files.write(output), "data_root": root, "listing": listing}
        if teacher:
            words["teacher"] = teacher
        return await self._desk.run(ctx, "extract_features", files, words, background=background)


def _listing(files: CallFiles, pairs: list[PairOfFiles]) -> tuple[str, str]:
    """The folder that all files lie below, and the pairs as CSV relative to it."""
    found = [(files.read(one.reference), files.read(one.distorted), one) for one in pairs]
    root = os.path.commonpath([path.parent for one, other, _ in found for path in (one, other)])
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_FIELDS)
    for one, other, pair in found:
        names = (one.relative_to(root), other.relative_to(root))
        raw = (pair.width, pair.height, pair.pix_fmt, pair.framerate)
        table.writerow(["" if value is None else str(value) for value in (*names, *raw)])
    return root, text.getvalue()
