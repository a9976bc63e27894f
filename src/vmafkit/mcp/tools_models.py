"""The tools about models: lists, descriptions, and how well tiny models agree."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from vmafkit import api, fsio
from vmafkit.errors import UsageError
from vmafkit.mcp import args, desk, results
from vmafkit.mcp.jobs import Job
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
        from vmafkit.models import registry

        items: list[dict[str, Any]] = [
            {
                "id": model.id,
                "kind": "vmaf",
                "display": model.display,
                "range": [model.lo, model.hi],
            }
            for model in TABLE.values()
        ]
        items += [
            {"id": one.id, "kind": f"tiny-{one.kind}", "description": one.description or ""}
            for one in registry.load().models
            if not one.smoke
        ]
        return desk.structured({"items": items})

    async def describe_model(
        self, ctx: args.Ctx, model: args.TinyModel
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Describe one model: a VMAF model or a tiny model by id, or an .onnx file."""
        files = self._desk.files()
        word = model if model in TABLE else (tiny_word(files, model) or model)

        def work(job: Job) -> dict[str, Any]:
            return _described(word)

        return await self._desk.run(ctx, "describe_model", files, work)

    async def eval_model_on_split(
        self,
        ctx: args.Ctx,
        model: args.TinyModel,
        features: args.FilePath,
        split: args.Split = "test",
        bootstrap: Annotated[int, Field(ge=0, le=2000)] = 200,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Hold a tiny model against its teacher on one part of a feature table."""
        files = self._desk.files()
        word, table = tiny_word(files, model) or model, files.read(features)

        def work(job: Job) -> dict[str, Any]:
            found = api.evaluate(word, table, split=split, bootstrap=bootstrap)
            found.pop("run_provenance", None)
            return found

        return await self._desk.run(ctx, "eval_model_on_split", files, work)

    async def compare_models(
        self,
        ctx: args.Ctx,
        models: Annotated[list[args.TinyModel], Field(min_length=1, max_length=16)],
        features: args.FilePath,
        split: args.Split = "test",
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Hold several tiny models against the same rows; the lowest RMSE is first."""
        files = self._desk.files()
        words = [tiny_word(files, model) or model for model in models]
        table = files.read(features)

        def work(job: Job) -> dict[str, Any]:
            return api.compare_models(words, table, split=split)

        return await self._desk.run(ctx, "compare_models", files, work)

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
        target = files.write(output)
        listing = _listing(files, pairs)
        words: dict[str, Any] = {"teacher": teacher} if teacher else {}

        def work(job: Job) -> dict[str, Any]:
            root, text = listing
            table = target.with_name("pairs.csv")
            fsio.write_atomic(table, text, user_output=True)
            found = api.extract_features(
                "generic", target, data_root=root, pairs=table, cache_beside=False, **words,
                cancel=job.cancel, on_progress=job.advance,
            )  # fmt: skip
            return {"type": "features", "rows": found.rows, "pairs": found.pairs,
                    "failed": found.failed, "skipped": found.skipped}  # fmt: skip

        return await self._desk.run(ctx, "extract_features", files, work, background=background)


def _described(model: str) -> dict[str, Any]:
    from vmafkit.models.loader import open_model

    if model in TABLE:
        return {"type": "vmaf-model", "id": model, "model": TABLE[model]}
    opened = open_model(model, device="cpu")
    return {
        "type": "tiny-model",
        "id": opened.id,
        "sha256": opened.sha256,
        "features": opened.features,
        "card": opened.card.model_dump(mode="json") if opened.card else None,
        "notes": opened.notes,
    }


def _listing(files: CallFiles, pairs: list[PairOfFiles]) -> tuple[str, str]:
    """The root that all files lie below, and the pairs as CSV relative to it."""
    found = [(files.roots.look_up(p.reference), files.roots.look_up(p.distorted), p) for p in pairs]
    roots = {each.root.path for one, other, _ in found for each in (one, other)}
    for one, other, _ in found:
        files.hold(one)
        files.hold(other)
    if len(roots) != 1:
        raise UsageError("the files lie below several roots", hint="name files of one root")
    root = roots.pop()
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_FIELDS)
    for one, other, pair in found:
        names = (one.path.relative_to(root), other.path.relative_to(root))
        raw = (pair.width, pair.height, pair.pix_fmt, pair.framerate)
        table.writerow(["" if value is None else str(value) for value in (*names, *raw)])
    return root, text.getvalue()
