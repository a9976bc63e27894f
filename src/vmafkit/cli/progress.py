"""Shows the events of long work: a bar with an ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from vmafkit.cli import output
from vmafkit.execute.events import Event

if TYPE_CHECKING:
    from rich.progress import Progress


class Shown(ABC):
    """Something that shows events while it is entered."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def show(self, event: Event) -> None:
        """Show one event; called from any thread."""


class EventLines(Shown):
    """One JSON object a line on standard output, for programs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Print the event."""
        with self._lock:
            output.json_line(event.record())


class PlainLines(Shown):
    """A line on standard error for each finished trial."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = 0
        self._todo = 0

    def show(self, event: Event) -> None:
        """Print the event if it says that a trial has ended."""
        with self._lock:
            if event.type == "sweep-started":
                self._todo = event.payload["cells"] - event.payload["skipped"]
            if event.type == "trial-finished":
                self._done += 1
                output.note(f"[{self._done}/{self._todo}] {trial_line(event.payload)}")


class Bar(Shown):
    """A rich bar on standard error: finished trials, frames of those that run, ETA."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._task: Any = None
        self._share: dict[str, float] = {}
        self._done = 0

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, event: Event) -> None:
        """Move the bar."""
        with self._lock:
            self._move(event)

    def _move(self, event: Event) -> None:
        progress, payload = self._progress, event.payload
        if progress is None:
            return
        if event.type == "sweep-started":
            self._task = progress.add_task("trials", total=payload["cells"] - payload["skipped"])
        if self._task is None:
            return
        if event.type == "trial-progress":
            part = min(1.0, payload["frame"] / max(1, payload["frames"])) / 2
            self._share[payload["trial_key"]] = part + (payload["stage"] == "score") * 0.5
        if event.type == "trial-finished":
            self._done += 1
            self._share.pop(payload["trial_key"], None)
            if payload["outcome"] == "failed":
                progress.console.print(trial_line(payload), markup=False, highlight=False)
        progress.update(self._task, completed=self._done + sum(self._share.values()))


def trial_line(payload: Any) -> str:
    """A finished trial in one line."""
    name = f"{payload['encoder']} {payload['preset']} {payload['crf']}"
    if payload["outcome"] == "failed":
        return f"{name}: failed: {payload['message']}"
    return (
        f"{name}: {payload['vmaf_model']} {payload['vmaf_pooling']} {payload['vmaf_score']:.3f}, "
        f"{payload['bitrate_kbps']:.0f} kbps ({payload['outcome']})"
    )


def choose(*, as_json: bool, quiet: bool = False) -> Shown:
    """What suits the place the output goes to."""
    if as_json:
        return EventLines()
    return Bar() if output.stderr_is_terminal() and not quiet else PlainLines()
