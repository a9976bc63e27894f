"""Decodes the luma of a video in a thread of its own, a few frames ahead."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import ScoreFailed
from vmafkit.media.hashing import show
from vmafkit.media.source import Source
from vmafkit.media.window import Window

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.video.frame import VideoFrame

Picture = npt.NDArray[Any]

# Formats whose first plane is luma, in whole samples with nothing left to convert.
_PLAIN_LUMA = re.compile(r"(?:yuvj?4[0-4][0-4]p|gray|nv12)|(?:yuv4[0-4][0-4]p|gray)(1[026])le")
_AHEAD = 4
_POLL_S = 0.2


def plain_depth(pix_fmt: str) -> int:
    """Bits of a luma sample that can be taken as it lies in memory; 0 if it cannot."""
    found = _PLAIN_LUMA.fullmatch(pix_fmt)
    return int(found[1] or 8) if found else 0


class LumaReader:
    """The frames of one video, in order.

    Args:
        source: what to decode.
        window: which of its frames; None for all.
    """

    def __init__(self, source: Source, window: Window | None) -> None:
        self._source = source
        self._window = window
        self._queue: queue.Queue[Picture | Exception | None] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="vmaf-decode", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """Of the video."""
        return self._source.path

    def next(self) -> Picture | None:
        """The luma of the next frame, (height, width); None after the last.

        Raises:
            ScoreFailed: the video cannot be decoded.
        """
        item = self._queue.get()
        if isinstance(item, Exception):
            raise ScoreFailed(
                f"{show(self._source.path)} cannot be decoded: {item}",
                hint="--score-backend libvmaf reads it with ffmpeg",
            ) from item
        return item

    def close(self) -> None:
        """Stop decoding."""
        self._stopped.set()
        self._thread.join()

    def _fill(self) -> None:
        try:
            for picture in self._pictures():
                if not self._put(picture):
                    return
            self._put(None)
        except Exception as error:
            self._put(error)

    def _put(self, item: Picture | Exception | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def _pictures(self) -> Iterator[Picture]:
        first = self._window.start_frame if self._window else 0
        end = self._window.end_frame if self._window else None
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for number, frame in enumerate(container.decode(stream)):
                if end is not None and number >= end:
                    return
                if number >= first:
                    yield self._luma(frame)

    def _open(self) -> InputContainer:
        import av

        raw = self._source.raw
        if raw is None:
            return av.open(str(self._source.path))
        options = {
            "video_size": f"{raw.width}x{raw.height}",
            "pixel_format": raw.pix_fmt,
            "framerate": str(raw.framerate),
        }
        return av.open(str(self._source.path), format="rawvideo", options=options)

    def _luma(self, frame: VideoFrame) -> Picture:
        depth = plain_depth(frame.format.name)
        if depth == 0:
            raise ValueError(f"a frame is of pixel format {frame.format.name}")
        plane = frame.planes[0]
        lines = np.frombuffer(
            memoryview(cast(bytes, plane)), np.uint8 if depth == 8 else np.dtype("<u2")
        )
        per_line = plane.line_size // lines.itemsize
        return lines.reshape(-1, per_line)[: frame.height, : frame.width]
