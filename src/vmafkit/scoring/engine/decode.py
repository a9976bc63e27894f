"""Decodes the sides of a comparison with one ffmpeg, a few frames ahead.

It is the program, and the chain of filters, that libvmaf would score with: windows, scaling and
conversions give the same pictures. The lumas of all sides come stacked, as one tall picture.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit import fsio, proc
from vmafkit.errors import Cancelled, FrameCount, ResultInvalid, ScoreFailed
from vmafkit.ffmpeg.decoded import decoded_streams
from vmafkit.ffmpeg.run import Job, read_ffmpeg
from vmafkit.media import pixfmt
from vmafkit.media.hashing import show
from vmafkit.scoring.libvmaf import Side

Pictures = npt.NDArray[Any]
_AHEAD = 2
_POLL_S = 0.2


class StackReader:
    """The lumas of several sides, frame by frame.

    Args:
        program: an ffmpeg.
        sides: the reference first.
        size: (width, height) of the compared pictures.
        pix_fmt: the planar format they are compared in.
        threads: of each decoder.
        job: its limits and how it can be stopped.
    """

    def __init__(
        self,
        program: Path,
        sides: Sequence[Side],
        size: tuple[int, int],
        pix_fmt: str,
        *,
        threads: int = 1,
        job: Job | None = None,
    ) -> None:
        self._program, self._sides, self._threads = program, tuple(sides), threads
        self._pix_fmt, self._job = pix_fmt, job or Job()
        kind = np.uint8 if pixfmt.bit_depth(pix_fmt) == 8 else np.dtype("<u2")
        shape = (len(sides), size[1], size[0])
        self._free: queue.SimpleQueue[Pictures] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Pictures | BaseException | None] = queue.SimpleQueue()
        for _ in range(_AHEAD + 1):
            self._free.put(np.empty(shape, kind))
        self._stopped = threading.Event()
        self._finished: proc.Finished | None = None
        self._own_s = 0.0
        self._shown: Pictures | None = None
        self._filling: Pictures | None = None
        self._filled = 0
        self._thread = threading.Thread(target=self._run, name="vmaf-decode", daemon=True)
        self._thread.start()

    def next(self) -> Pictures | None:
        """The next frame, shape (sides, height, width); None after the last.

        The array is filled anew after the next call.

        Raises:
            ScoreFailed: a side cannot be decoded.
            FrameCount, ResultInvalid: a side is not whole.
            Cancelled, ToolTimeout: as `proc.run`.
        """
        if self._shown is not None:
            self._free.put(self._shown)
            self._shown = None
        item = self._full.get()
        if isinstance(item, BaseException):
            raise item
        self._shown = item
        return item

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the decoding, once it has ended."""
        return self._own_s + (self._finished.cpu_s if self._finished else 0.0)

    def close(self) -> None:
        """Stop decoding."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with fsio.scratch_folder() as folder:
                self._finished = read_ffmpeg(
                    self._program, self._words(), self._take, cwd=folder,
                    job=replace(self._job, on_progress=None), failure=ScoreFailed,
                    what="decoding for the score",
                )  # fmt: skip
            self._check(self._finished)
            self._own_s = time.thread_time()
            self._full.put(None)
        except BaseException as error:
            self._full.put(error)

    def _words(self) -> list[str]:
        words: list[str] = []
        chains: list[str] = []
        labels = ""
        for number, side in enumerate(self._sides):
            words += ["-threads", str(self._threads), *side.words]
            chains.append(side.chain(f"{number}:V:0", f"s{number}", self._pix_fmt))
            chains.append(f"[s{number}]extractplanes=y[y{number}]")
            labels += f"[y{number}]"
        chains.append(f"{labels}vstack=inputs={len(self._sides)}[o]")
        return [
            *words, "-filter_complex", ";".join(chains), "-map", "[o]",
            "-fps_mode", "passthrough", "-f", "rawvideo", "-",
        ]  # fmt: skip

    def _take(self, descriptor: int) -> bool:
        """Fill the next picture with what there is; False at the end."""
        if self._filling is None:
            self._filling = self._room()
        rest = self._filling.data.cast("B")[self._filled :]
        count = os.readv(descriptor, [rest])
        self._filled += count
        if self._filled == self._filling.nbytes:
            self._full.put(self._filling)
            self._filling, self._filled = None, 0
        return count > 0

    def _room(self) -> Pictures:
        while not self._stopped.is_set():
            cancel = self._job.cancel
            if cancel is not None and cancel.is_set():
                break
            try:
                return self._free.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        raise Cancelled("scoring was stopped")

    def _check(self, finished: proc.Finished) -> None:
        if self._filled:
            raise ResultInvalid("ffmpeg gave a part of a picture")
        streams = decoded_streams(finished.stderr_tail)
        for number, side in enumerate(self._sides):
            decoded = streams.get(number)
            if decoded is None:
                raise ResultInvalid("ffmpeg did not say how many frames it decoded")
            if decoded.errors:
                raise ResultInvalid(
                    f"{show(side.path)}: {decoded.errors} packets could not be decoded",
                    hint="the file is damaged; make it again",
                )
            found = decoded.frames
            if side.span is not None:
                found = max(0, min(found - side.span[0], side.span[1]))
            if found != side.count:
                raise FrameCount(
                    f"{show(side.path)} gave {found} frames where {side.count} were expected"
                )
