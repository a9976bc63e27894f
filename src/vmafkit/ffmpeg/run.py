"""The one function that runs ffmpeg."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmafkit import proc
from vmafkit.errors import StoreFull, ToolFailed
from vmafkit.ffmpeg.progress import Progress, ProgressParser
from vmafkit.ffmpeg.words import base_words

_NOISE = re.compile(
    r"^(Exiting with exit code|Conversion failed|Error : |Error opening (input|output) file|"
    r"Error (initializing|reinitializing|configuring|while filtering|sending frames|applying)|"
    r"Error while opening encoder|Could not open encoder before EOF|Task finished with error|"
    r"Error splitting the argument list|"
    r"Statistics: |(Input|Output) (file|stream) #|Total: |VMAF score: |"
    r"Terminating thread|Nothing was written|Press \[q\]|Stream mapping|Stream #|frame=|Cleanly)"
)
_PREFIX = re.compile(r"^(\[[^\]]*@ 0x[0-9a-f]+\]\s*)+")


@dataclass(frozen=True, slots=True)
class Job:
    """How a run of ffmpeg is watched.

    Attributes:
        on_progress: called with each report.
        cancel: when set, the process group is killed.
        limits: time bounds.
    """

    on_progress: Callable[[Progress], None] | None = None
    cancel: threading.Event | None = None
    limits: proc.Limits = field(default_factory=proc.Limits)


def last_words(stderr: str) -> str:
    """The last line of ffmpeg's log that says what went wrong."""
    lines = [_PREFIX.sub("", line).strip() for line in stderr.splitlines()]
    useful = [line for line in lines if line and not _NOISE.match(line)]
    return useful[-1][:300] if useful else "it printed no message"


def run_ffmpeg(
    program: Path,
    words: Sequence[str],
    *,
    cwd: Path,
    job: Job | None = None,
    log_level: str = "info",
    failure: type[ToolFailed] = ToolFailed,
    what: str = "ffmpeg",
) -> proc.Finished:
    """Run ffmpeg with the given words; standard output carries its progress.

    An exit status of 0 proves nothing: the caller checks what was made.

    Raises:
        ToolFailed: (or the class given as failure) it ended with another status than 0.
        StoreFull: it said that the disk is full.
        ToolTimeout, Cancelled, ToolMissing: as `proc.run`.
    """
    job = job or Job()
    argv = (*base_words(program), "-v", log_level, "-progress", "pipe:1", *words)
    parser = ProgressParser(job.on_progress) if job.on_progress else None
    finished = proc.run(
        argv,
        cwd=cwd,
        limits=job.limits,
        on_line=parser.feed if parser else None,
        cancel=job.cancel,
    )
    _check(finished, cwd, failure, what)
    return finished


def read_ffmpeg(
    program: Path,
    words: Sequence[str],
    on_stdout: Callable[[int], bool],
    *,
    cwd: Path,
    job: Job | None = None,
    failure: type[ToolFailed] = ToolFailed,
    what: str = "ffmpeg",
) -> proc.Finished:
    """Run ffmpeg with a verbose log while its standard output is read.

    Args:
        on_stdout: as `proc.run` takes it.

    Raises:
        As `run_ffmpeg`.
    """
    job = job or Job()
    argv = (*base_words(program), "-v", "verbose", *words)
    finished = proc.run(argv, cwd=cwd, limits=job.limits, cancel=job.cancel, on_stdout=on_stdout)
    _check(finished, cwd, failure, what)
    return finished


def _check(finished: proc.Finished, cwd: Path, failure: type[ToolFailed], what: str) -> None:
    if finished.exit_status != 0:
        if "No space left on device" in finished.stderr_tail:
            raise StoreFull(f"{what}: no space left on the disk of {cwd}", hint="free some space")
        tail = "\n".join(finished.stderr_tail.splitlines()[-20:])
        raise failure(
            f"{what} failed ({finished.cause}): {last_words(finished.stderr_tail)}",
            detail=tail,
            exit_status=finished.exit_status,
        )
