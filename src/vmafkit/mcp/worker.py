"""A job's own process: reads what is asked, calls the library, writes what was found.

    python -P -m vmafkit.mcp.worker FOLDER

What is asked and found lies in that folder, which is the job's own; standard output carries its
progress. A process for each job is what makes its limits hard: whatever a decoder, a
model or an encoder does, it ends with the process.
"""

from __future__ import annotations

import base64
import json
import math
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from vmafkit import fsio, proc
from vmafkit.cli import output
from vmafkit.errors import VmafkitError
from vmafkit.mcp import summaries

ASKED, FOUND = "asked.json", "found.json"
# The server counts all processes of a job and stops it first; this holds if the server cannot.
_SPARE_CPU_S = 5


def main() -> None:
    """Do what is asked in the folder that the command line names."""
    folder = Path(sys.argv[1])
    cancel = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        cancel.set()

    signal.signal(signal.SIGTERM, stop)
    # What was half made is thrown away in any case.
    proc.hurry()
    asked = json.loads((folder / ASKED).read_text("utf-8"))
    _limit_cpu(asked["cpu_s"])
    try:
        found = _call(asked, cancel)
    except VmafkitError as error:
        found = {"failure": summaries.plain(error.record())}
    fsio.write_scratch(folder / FOUND, json.dumps(found, allow_nan=False))


def _call(asked: dict[str, Any], cancel: threading.Event) -> dict[str, Any]:
    from vmafkit.mcp.calls import CALLS, Watch

    def tell(done: float, total: float, note: str) -> None:
        output.json_line({"done": done, "total": total, "note": note})

    found = CALLS[asked["tool"]](asked["words"], Watch(tell, cancel))
    pictures = [(caption, base64.b64encode(data).decode()) for caption, data in found.pictures]
    return {
        "record": summaries.plain(found.record),
        "frames": summaries.plain(found.frames),
        "pictures": pictures,
    }


def _limit_cpu(cpu_s: float) -> None:
    """Bound this process, and each that it starts, by the system's own means."""
    try:
        import resource
    except ImportError:
        return
    limit_s = math.ceil(cpu_s) + _SPARE_CPU_S
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or limit_s < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, hard))


if __name__ == "__main__":
    main()
