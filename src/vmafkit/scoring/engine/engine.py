"""The engine: push pictures frame by frame, then take the features of all of them.

engine = Engine(1920, 1080, distorted=2)
for reference, one, other in frames:
    engine.push(reference, [one, other])
features = engine.finish()
features.columns(0)["integer_adm2"]
"""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.errors import InputError, UsageError
from vmafkit.scoring.engine.native import Library, load
from vmafkit.scoring.engine.proven import SMALLEST
from vmafkit.scoring.engine.workspace import FrameFeatures, Workspace

FloatArray = npt.NDArray[np.float64]

NO_LIMIT = 100.0
BIT_DEPTHS = (8, 10, 12, 16)
LARGEST = 16384
_MOST_DISTORTED = 64


@dataclass(frozen=True, slots=True)
class Features:
    """The features of all frames pushed.

    Attributes:
        gains: the greatest gains that counted.
        adm: adm2, then the scores of its four scales, shape (5, frames, distorted, gains).
        vif: the scores of its four scales, shape (4, frames, distorted, gains).
        motion: the blurred difference from the frame before, shape (frames,).
        motion2: the lesser of this frame's and the next one's, shape (frames,).
    """

    gains: tuple[float, ...]
    adm: FloatArray
    vif: FloatArray
    motion: FloatArray
    motion2: FloatArray

    @property
    def frame_count(self) -> int:
        """Frames pushed."""
        return int(self.motion.size)

    def columns(self, distorted: int, gain: float = NO_LIMIT) -> dict[str, FloatArray]:
        """The features of one distorted picture under libvmaf's names, shape (frames,) each."""
        g = self.gains.index(gain)
        end = "" if gain == NO_LIMIT else f"_egl_{gain:g}"
        adm, vif = self.adm[:, :, distorted, g], self.vif[:, :, distorted, g]
        return {
            f"integer_adm2{end}": adm[0],
            **{f"integer_adm_scale{n}{end}": adm[n + 1] for n in range(4)},
            **{f"integer_vif_scale{n}{end}": vif[n] for n in range(4)},
            "integer_motion2": self.motion2,
            "VMAF_integer_feature_motion_sad_score": self.motion,
        }


class Engine:
    """VMAF's six features of one reference against many distorted videos, frame by frame.

    Args:
        width, height: of the luma pictures, 40 to 16384; below, libvmaf itself is not sure.
        distorted: how many pictures are pushed beside each reference.
        bit_depth: 8 for uint8; 10, 12 or 16 for uint16.
        gains: enhancement gains to compute the features with: 100 for the plain models,
            1 for the NEG ones.
        threads: frames that are worked on at the same time.
        library: the loaded engine; None finds it.

    Raises:
        UsageError: an argument is out of its range.
        CapabilityMissing: the engine is not built.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        distorted: int = 1,
        bit_depth: int = 8,
        gains: Sequence[float] = (NO_LIMIT,),
        threads: int = 1,
        library: Library | None = None,
    ) -> None:
        _check("width", width, SMALLEST, LARGEST)
        _check("height", height, SMALLEST, LARGEST)
        _check("distorted", distorted, 1, _MOST_DISTORTED)
        _check("threads", threads, 1, 256)
        if bit_depth not in BIT_DEPTHS:
            raise UsageError(f"bit_depth {bit_depth!r} is not known", hint="8, 10, 12 or 16")
        if not gains or len(set(gains)) != len(gains) or not all(1 <= g <= 100 for g in gains):
            raise UsageError(f"gains {tuple(gains)!r} are wrong", hint="distinct, from 1 to 100")
        self.width, self.height, self.distorted = width, height, distorted
        self.bit_depth, self.gains = bit_depth, tuple(float(gain) for gain in gains)
        self._kind = np.dtype(np.uint8 if bit_depth == 8 else np.uint16)
        loaded = library or load()
        room = (loaded, width, height, distorted, bit_depth, self.gains)
        self._free: queue.SimpleQueue[Workspace] = queue.SimpleQueue()
        for _ in range(threads if threads == 1 else threads + 1):
            self._free.put(Workspace(*room))
        self._pool = ThreadPoolExecutor(threads, "vmaf-engine") if threads > 1 else None
        self._last: Workspace | None = None
        self._results: list[FrameFeatures | Future[FrameFeatures]] = []
        self._finished = False
        self._worked_s: list[float] = []

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the engine's own threads; without any, the caller's thread works."""
        return sum(self._worked_s)

    def push(self, reference: npt.ArrayLike, distorted: Sequence[npt.ArrayLike]) -> None:
        """Give the next frame; the arrays may be used for something else right after.

        Args:
            reference: luma, shape (height, width), any strides.
            distorted: as many pictures like it as the engine was made for.

        Raises:
            UsageError: the engine has finished, or the number of pictures is wrong.
            InputError: a picture has another shape, type or range.
        """
        if self._finished:
            raise UsageError("the engine has finished", hint="make a new one")
        if len(distorted) != self.distorted:
            raise UsageError(
                f"{len(distorted)} distorted pictures were pushed, {self.distorted} are expected"
            )
        first = self._picture(reference, "the reference")
        others = [self._picture(d, f"distorted picture {n}") for n, d in enumerate(distorted)]
        workspace = self._free.get()
        workspace.take(first, others, self._last)
        self._last = workspace
        if self._pool is None:
            self._results.append(self._work(workspace))
        else:
            self._results.append(self._pool.submit(self._work_aside, workspace))

    def _work_aside(self, workspace: Workspace) -> FrameFeatures:
        before = time.thread_time()
        try:
            return self._work(workspace)
        finally:
            self._worked_s.append(time.thread_time() - before)

    def _work(self, workspace: Workspace) -> FrameFeatures:
        try:
            return workspace.run()
        finally:
            self._free.put(workspace)

    def _picture(self, picture: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
        array = np.asarray(picture)
        if array.shape != (self.height, self.width):
            raise InputError(
                f"{name} of frame {len(self._results)} has shape {array.shape},"
                f" not {(self.height, self.width)}"
            )
        if array.dtype != self._kind:
            raise InputError(
                f"{name} of frame {len(self._results)} holds {array.dtype}, not {self._kind}",
                hint="uint8 for 8 bits, uint16 for more",
            )
        if 8 < self.bit_depth < 16 and int(array.max()) >> self.bit_depth:
            raise InputError(
                f"{name} of frame {len(self._results)} has a sample of {int(array.max())},"
                f" too large for {self.bit_depth} bits"
            )
        return array

    def finish(self) -> Features:
        """Wait for all frames and give their features.

        Raises:
            UsageError: no frame was pushed.
        """
        self._finished = True
        frames = [r.result() if isinstance(r, Future) else r for r in self._results]
        self.close()
        if not frames:
            raise UsageError("no frame was pushed")
        motion = np.array([frame.motion for frame in frames])
        return Features(
            gains=self.gains,
            adm=np.stack([frame.adm for frame in frames], axis=1),
            vif=np.stack([frame.vif for frame in frames], axis=1),
            motion=motion,
            motion2=np.minimum(motion, np.append(motion[1:], motion[-1])),
        )

    def close(self) -> None:
        """Stop the threads; frames not yet worked on are dropped."""
        self._finished = True
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _check(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} {value!r} is not from {least} to {most}")
