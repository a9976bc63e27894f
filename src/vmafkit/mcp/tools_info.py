"""The tools that tell: the machine, encoders, a file, a corpus, and the jobs."""

from __future__ import annotations

from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from vmafkit import api
from vmafkit.errors import UsageError
from vmafkit.mcp import args, desk, results, summaries

JobId = Annotated[str, Field(pattern=r"^job-[0-9a-f]{12}$")]


class InfoTools:
    """The tools that look things up."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def doctor(
        self, ctx: args.Ctx, background: args.Background = False
    ) -> Annotated[CallToolResult, results.TableAnswer]:
        """Try every encoder and model on a few made frames; say what works and what is missing."""
        files = self._desk.files()
        return await self._desk.run(ctx, "doctor", files, {}, background=background)

    async def list_encoders(self) -> Annotated[CallToolResult, results.Listing]:
        """List the encoders with their presets and quality knobs; doctor says which work here."""
        return desk.structured({"items": api.list_encoders()})

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
        words, files = desk.words_of(locals()), self._desk.files()
        words["source"] = files.read(source)
        return await self._desk.run(ctx, "probe", files, words)

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
        words, files = desk.words_of(locals()), self._desk.files()
        words["corpus"] = files.read(corpus)
        return await self._desk.run(ctx, "query_corpus", files, words)

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
