"""Results, reports and corpora as resources, by page."""

from __future__ import annotations

import base64
import json
import math
import os
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from mcp.server import MCPServer
from mcp_types import Resource

from vmafkit.errors import UsageError
from vmafkit.mcp import summaries
from vmafkit.mcp.desk import Desk
from vmafkit.mcp.roots import OpenFile, read_bytes
from vmafkit.version import __version__

# Of a page as it is sent; the rest of the message is its name and its frame.
_MOST_SENT_BYTES = 60 * 1024
# JSON as text has quotes and backslashes that are sent as four bytes each at most.
_RESULT_BYTES = 14 * 1024
_LONGEST_CHARACTER = 3
_MOST_LISTED, _MOST_LOOKED_AT = 100, 10000
_DEEPEST, _LONGEST_NAME = 4, 500


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
            ("vmafkit://out/{+name}/{page}", self.written, "application/json"),
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
        text = json.dumps(summaries.plain(job.result))
        number, pages = _number(page), max(1, math.ceil(len(text) / _RESULT_BYTES))
        start = (number - 1) * _RESULT_BYTES
        record = {"page": number, "pages": pages, "bytes": len(text)}
        return json.dumps({**record, "text": text[start : start + _RESULT_BYTES]})

    def frames(self, job_id: str, page: str) -> str:
        """A page of the per-frame scores of a job."""
        job = self._desk.jobs.get(job_id)
        if job.frames is None:
            raise UsageError(f"{job.id} has no frames")
        return json.dumps(summaries.frames_page(job.frames, _number(page)))

    def written(self, name: str, page: str) -> str:
        """A page of a file that a job wrote, such as a report or a corpus.

        The page's `text`, or its `base64` where it is no text: join all pages for the file.
        """
        file = self._desk.roots.look_up(f"{self._desk.roots.out.path}/{name}")
        try:
            return _page_of_file(file, _number(page))
        finally:
            os.close(file.handle)

    def listed(self) -> list[Resource]:
        """The newest files below the output folder, and how many there are in all."""
        found: list[tuple[float, str, int]] = []
        _look_through(self._desk.roots.out.path, "", found)
        newest = sorted(found, reverse=True)[:_MOST_LISTED]
        count = f"{len(newest)} of {len(found)}"
        if len(found) >= _MOST_LOOKED_AT:
            count += " or more"
        return [
            Resource(
                uri=f"vmafkit://out/{quote(name)}/1",
                name=summaries.text_of(name, 200),
                description=f"written by a job, page 1; {count} files are listed, newest first",
                mime_type="application/json",
                size=size,
            )
            for _, name, size in newest
        ]


def _look_through(folder: str, below: str, found: list[tuple[float, str, int]]) -> None:
    """Collect (time, name, bytes) of plain files, following no link."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if len(found) >= _MOST_LOOKED_AT:
                return
            name = f"{below}{entry.name}"
            if entry.name.startswith(".") or len(name) > _LONGEST_NAME or not name.isprintable():
                continue
            if entry.is_dir(follow_symlinks=False):
                if name.count("/") < _DEEPEST:
                    _look_through(entry.path, f"{name}/", found)
            elif entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                found.append((about.st_mtime, name, about.st_size))


def _number(page: str) -> int:
    if not page.isdecimal() or len(page) > 9 or int(page) < 1:
        raise UsageError("pages are counted from 1")
    return int(page)


def _page_of_file(file: OpenFile, page: int) -> str:
    """A page that begins and ends between characters, where the file has characters."""
    size = os.fstat(file.handle).st_size
    start = (page - 1) * summaries.PAGE_BYTES
    data = read_bytes(file, summaries.PAGE_BYTES + _LONGEST_CHARACTER, offset=start)
    first = _cut_at(data, 0) if page > 1 else 0
    data = data[first : _cut_at(data, summaries.PAGE_BYTES)]
    pages = max(1, math.ceil(size / summaries.PAGE_BYTES))
    record: dict[str, Any] = {"page": page, "pages": pages, "bytes": size}
    with suppress(UnicodeDecodeError):
        told = json.dumps({**record, "text": data.decode("utf-8")}, ensure_ascii=False)
        # As a part of a message it is escaped once more.
        if len(json.dumps(told, ensure_ascii=False).encode()) <= _MOST_SENT_BYTES:
            return told
    return json.dumps({**record, "base64": base64.b64encode(data).decode()})


def _cut_at(data: bytes, place: int) -> int:
    """The next place that is not within a character of UTF-8."""
    end = min(len(data), place + _LONGEST_CHARACTER)
    while place < end and data[place] & 0xC0 == 0x80:
        place += 1
    return place
