"""Results, reports and corpora as resources, by page."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from mcp.server import MCPServer

from vmafkit.errors import UsageError
from vmafkit.mcp import summaries
from vmafkit.mcp.desk import Desk
from vmafkit.mcp.roots import OpenFile, read_bytes
from vmafkit.version import __version__


class Resources:
    """What can be read without a tool."""

    def __init__(self, shared: Desk) -> None:
        self._desk = shared

    def add_to(self, server: MCPServer[Any]) -> None:
        """Register all of them."""
        for uri, function, mime_type in (
            ("vmafkit://server", self.about, "application/json"),
            ("vmafkit://jobs/{job_id}/result/{page}", self.result, "application/json"),
            ("vmafkit://jobs/{job_id}/frames/{page}", self.frames, "application/json"),
            ("vmafkit://out/{job_id}/{name}/{page}", self.written, "application/json"),
        ):
            server.resource(uri, mime_type=mime_type)(function)

    def about(self) -> str:
        """The version, the roots and the limits of this server."""
        limits = self._desk.jobs.limits
        return json.dumps(
            {
                "version": __version__,
                "roots": [root.name for root in self._desk.roots.all],
                "jobs_at_once": limits.at_once,
                "jobs_waiting": limits.waiting,
                "time_limit_s": limits.time_s,
                "cpu_limit_s": limits.cpu_s,
                "result_bytes": summaries.MOST_BYTES,
            }
        )

    def result(self, job_id: str, page: str) -> str:
        """A job's whole result as pages of JSON text: join `text` of all pages."""
        job = self._desk.jobs.get(job_id)
        if job.result is None:
            raise UsageError(f"{job.id} has no result: it is {job.state}")
        return _page(json.dumps(summaries.plain(job.result)).encode(), _number(page))

    def frames(self, job_id: str, page: str) -> str:
        """A page of the per-frame scores of a job."""
        job = self._desk.jobs.get(job_id)
        if job.frames is None:
            raise UsageError(f"{job.id} has no frames")
        return json.dumps(summaries.frames_page(job.frames, _number(page)))

    def written(self, job_id: str, name: str, page: str) -> str:
        """A page of a text file that a job wrote, such as a report or a corpus."""
        file = self._desk.roots.look_up(f"{self._desk.roots.out.path}/{job_id}/{name}")
        try:
            return _page_of_file(file, _number(page))
        finally:
            os.close(file.handle)


def _number(page: str) -> int:
    if not page.isdecimal() or len(page) > 9 or int(page) < 1:
        raise UsageError("pages are counted from 1")
    return int(page)


def _page(data: bytes, page: int) -> str:
    start = (page - 1) * summaries.PAGE_BYTES
    return _as_page(data[start : start + summaries.PAGE_BYTES], page, len(data))


def _page_of_file(file: OpenFile, page: int) -> str:
    start = (page - 1) * summaries.PAGE_BYTES
    size = os.fstat(file.handle).st_size
    return _as_page(read_bytes(file, summaries.PAGE_BYTES, offset=start), page, size)


def _as_page(data: bytes, page: int, size_bytes: int) -> str:
    """A page whose text is data: bytes that are no UTF-8 are shown as escapes."""
    pages = max(1, math.ceil(size_bytes / summaries.PAGE_BYTES))
    text = data.decode("utf-8", "backslashreplace")
    record = {"page": page, "pages": pages, "bytes": size_bytes, "text": text}
    return json.dumps(record, ensure_ascii=False)
