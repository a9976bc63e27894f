"""The tools that tell: the machine, encoders, a file, a corpus, and the jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit import api, encoders
from vmafkit.errors import UsageError
from vmafkit.mcp import args, desk, results, summaries
from vmafkit.mcp.jobs import Job

_COLUMNS = (
    "src", "width", "height", "encoder", "preset", "quality_knob", "crf", "bitrate_kbps",
    "vmaf_score", "vmaf_model", "vmaf_p5", "encode_time_ms", "window", "exit_status",
)  # fmt: skip
JobId = Annotated[str, Field(pattern=r"^job-[0-9a-f]{12}$")]


class InfoTools:
    """The tools that look things up."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def doctor(
        self, ctx: args.Ctx, background: args.Background = False
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Try every encoder and model on a few made frames; say what works and what is missing."""

        def work(job: Job) -> dict[str, Any]:
            count = 0

            def note(finding: Any) -> None:
                nonlocal count
                count += 1
                job.advance(count, 0, f"{finding.kind} {finding.name}")

            found = api.doctor(on_finding=note)
            return {"type": "doctor", "can_work": found.can_work, "findings": found.findings}

        return await self._desk.run(ctx, "doctor", self._desk.files(), work, background=background)

    async def list_encoders(self) -> Annotated[CallToolResult, results.Listing]:
        """List the encoders with their presets and quality knobs; doctor says which work here."""
        items = [
            {
                "name": each.name,
                "codec": each.codec,
                "aliases": each.aliases,
                "knob": each.quality.knob,
                "range": [each.quality.lo, each.quality.hi, each.quality.step],
                "presets": each.presets,
                "default_preset": each.default_preset,
                "hardware": each.hardware,
            }
            for each in map(encoders.get, encoders.names())
        ]
        return desk.structured({"items": items})

    async def probe(
        self,
        ctx: args.Ctx,
        source: args.VideoPath,
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Count and decode what a video is: size, frames, rate, colour, HDR, and its tags."""
        files = self._desk.files()
        path = files.read(source)

        def work(job: Job) -> dict[str, Any]:
            return _facts_of(path, (width, height, pix_fmt, framerate))

        return await self._desk.run(ctx, "probe", files, work)

    async def query_corpus(
        self,
        ctx: args.Ctx,
        corpus: args.FilePath,
        encoder: args.Encoder | None = None,
        preset: args.Preset = None,
        min_vmaf: float | None = None,
        max_bitrate_kbps: Annotated[float | None, Field(gt=0)] = None,
        page: Annotated[int, Field(ge=1)] = 1,
        page_rows: Annotated[int, Field(ge=1, le=100)] = 25,
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Rows of a corpus file that fit, by page, with how many there are."""
        files = self._desk.files()
        path = files.read(corpus)
        known = encoders.get(encoder).name if encoder else None

        def work(job: Job) -> dict[str, Any]:
            rows = [row.model_dump(mode="json") for row in api.read_corpus(path)]
            fits = [
                {name: row[name] for name in _COLUMNS}
                for row in rows
                if (known is None or row["encoder"] == known)
                and (preset is None or row["preset"] == preset)
                and (min_vmaf is None or (row["vmaf_score"] or -1.0) >= min_vmaf)
                and (
                    max_bitrate_kbps is None
                    or (row["bitrate_kbps"] is not None and row["bitrate_kbps"] <= max_bitrate_kbps)
                )
            ]
            start = (page - 1) * page_rows
            pages = -(-len(fits) // page_rows)
            return {
                "type": "corpus-rows",
                "rows_in_file": len(rows),
                "rows": len(fits),
                "page": page,
                "pages": pages,
                "items": fits[start : start + page_rows],
            }

        return await self._desk.run(ctx, "query_corpus", files, work)

    async def job_status(
        self, job_id: JobId | None = None, frames_page: Annotated[int | None, Field(ge=1)] = None
    ) -> Annotated[CallToolResult, results.JobList]:
        """How a job is doing and what it found; without an id, all jobs. Frames come by page."""
        jobs = self._desk.jobs
        if job_id is None:
            record = {
                "jobs": [desk.state_of(job) for job in jobs.all()],
                "at_once": jobs.limits.at_once,
                "time_limit_s": jobs.limits.time_s,
            }
            return desk.structured(record)
        job = jobs.get(job_id)
        if frames_page is None:
            return desk.structured({"jobs": [desk.whole_of(job)]}, job.pictures)
        if job.frames is None:
            raise UsageError(f"{job_id} has no frames", hint="only score and worst_frames have")
        frames = summaries.frames_page(job.frames, frames_page)
        return desk.structured({"jobs": [desk.state_of(job)], "frames": frames})

    async def job_cancel(self, job_id: JobId) -> Annotated[CallToolResult, results.JobList]:
        """Stop a job and every program that it runs."""
        import anyio

        job = self._desk.jobs.get(job_id)
        job.cancel.set()
        with anyio.move_on_after(10):
            while not job.ended.is_set():
                await anyio.sleep(0.02)
        return desk.structured({"jobs": [desk.state_of(job)]})


def _facts_of(
    path: Path, raw: tuple[int | None, int | None, str | None, str | None]
) -> dict[str, Any]:
    from vmafkit.api._words import raw_geometry
    from vmafkit.media.demux import opened
    from vmafkit.media.probe import open_source

    source = open_source(path, raw=raw_geometry(*raw))
    record = summaries.plain(source)
    for name in ("path", "mtime_ns", "inode", "raw"):
        record.pop(name, None)
    tags: dict[str, str] = {}
    if source.container not in ("rawvideo",) and source.raw is None:
        with opened(source.path) as (container, stream):
            tags = {**container.metadata, **{f"video {k}": v for k, v in stream.metadata.items()}}
    return {"type": "source", "source": str(path), **record, "tags": summaries.quoted(tags)}
