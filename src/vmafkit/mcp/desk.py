"""Takes calls in and gives answers out: files, a job, progress, cancel, a bounded result."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent

from vmafkit.errors import VmafkitError
from vmafkit.mcp import summaries
from vmafkit.mcp.args import Ctx
from vmafkit.mcp.jobs import Job, Jobs, new_id
from vmafkit.mcp.processes import run_call
from vmafkit.mcp.roots import CallFiles, Roots

Words = Mapping[str, Any]
_NOT_WORDS = ("self", "ctx", "background")
_LOOK_EVERY_S = 0.1
_STOP_WITHIN_S = 10.0


@dataclass
class Desk:
    """What all tools of a server share."""

    roots: Roots
    jobs: Jobs

    def files(self) -> CallFiles:
        """The files of a new call."""
        return CallFiles(self.roots, new_id())

    async def run(
        self, ctx: Ctx, tool: str, files: CallFiles, words: Words, *, background: bool = False
    ) -> CallToolResult:
        """Call a tool's function with these words in a job, and answer.

        A client that takes its request back stops the job and all its programs.
        """
        job = self.start(tool, files, words)
        if background:
            return answer(job)
        try:
            await _follow(ctx, job)
        except anyio.get_cancelled_exc_class():
            job.cancel.set()
            with anyio.CancelScope(shield=True), anyio.move_on_after(_STOP_WITHIN_S):
                while not job.ended.is_set():
                    await anyio.sleep(0.02)
            raise
        return answer(job)

    def start(self, tool: str, files: CallFiles, words: Words) -> Job:
        """Begin the job; its files are let go at the end, and held to be the same."""

        def whole(job: Job) -> Words:
            try:
                files.begin()
                found = dict(run_call(job, words, self.jobs.limits, cwd=Path(self.roots.out.path)))
                files.verify()
                written = [str(path) for path in files.written()]
                return {**found, "_files": written} if written else found
            finally:
                files.close()

        try:
            return self.jobs.start(tool, whole, files.name)
        except VmafkitError:
            files.close()
            raise


async def _follow(ctx: Ctx, job: Job) -> None:
    told = -1.0
    while not job.ended.is_set():
        # The protocol wants each to be more than the one before, so a new note alone is not told.
        if job.done > told:
            told = job.done
            await ctx.report_progress(told, job.total or None, f"{job.id}: {job.note or job.state}")
        await anyio.sleep(_LOOK_EVERY_S)


def words_of(given: Words) -> dict[str, Any]:
    """The arguments of a tool that its function takes too."""
    return {name: value for name, value in given.items() if name not in _NOT_WORDS}


def state_of(job: Job) -> dict[str, Any]:
    """A job without its result."""
    record: dict[str, Any] = {
        "job_id": job.id,
        "tool": job.tool,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "note": job.note,
        "wall_s": round(job.wall_s, 3),
        "cpu_s": round(job.cpu_s, 3),
    }
    if job.error is not None:
        record["failure"] = failure_of(job.error)
    return record


def failure_of(error: VmafkitError) -> dict[str, Any]:
    """An error as clients see it, without the lines that are for a log."""
    record = error.record()
    record.pop("detail", None)
    record.pop("type", None)
    return summaries.plain(record)


def answer(job: Job) -> CallToolResult:
    """A job as a tool's answer: an error where it failed, else its summary."""
    if job.error is not None:
        return failed(job.error, state_of(job))
    return structured(whole_of(job), job.pictures)


def whole_of(job: Job) -> dict[str, Any]:
    """A job with its result, and where the rest of it can be read."""
    record = state_of(job)
    if job.result is not None:
        whole = summaries.plain(job.result)
        record["files"] = whole.pop("_files", [])
        record["result"] = whole
        record["resources"] = [f"vmafkit://jobs/{job.id}/result/1"]
        if job.frames is not None:
            record["resources"].append(f"vmafkit://jobs/{job.id}/frames/1")
    return record


def structured(
    record: Mapping[str, Any], pictures: list[tuple[str, bytes]] | None = None
) -> CallToolResult:
    """A record as an object and as text, no larger than the bounds, with pictures."""
    kept = summaries.fit(summaries.plain(record))
    content: list[ContentBlock] = [TextContent(type="text", text=json.dumps(kept))]
    for caption, picture in pictures or []:
        data = base64.b64encode(picture).decode()
        content.append(TextContent(type="text", text=caption))
        content.append(ImageContent(type="image", data=data, mime_type="image/png"))
    return CallToolResult(content=content, structured_content=kept)


def failed(error: VmafkitError, state: Mapping[str, Any] | None = None) -> CallToolResult:
    """An error as a tool's answer: a sentence with its code, and the same as an object."""
    failure = failure_of(error)
    text = summaries.text_of(f"{error.code}: {error.sentence()}")
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=summaries.fit({**(state or {}), "failure": failure}),
        is_error=True,
    )


def size_of(word: str | None) -> tuple[int, int] | None:
    """WIDTHxHEIGHT as two numbers."""
    if word is None:
        return None
    width, height = word.split("x")
    return int(width), int(height)


def path_word(path: Path) -> str:
    """A model file as the scorer's `path=` word."""
    text = str(path).replace("\\", "\\\\").replace(":", "\\:")
    return f"path={text}"
