"""Everything one frame needs while its features are computed: planes, buffers, calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmafkit.scoring.engine.frame_adm import AdmFrame
from vmafkit.scoring.engine.frame_vif import VifFrame
from vmafkit.scoring.engine.native import Library
from vmafkit.scoring.engine.planes import Array, Plane, aligned
from vmafkit.scoring.engine.steps import Step, Steps, View

_MOTION_REACH = 2


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """The features of one frame.

    Attributes:
        adm: adm2 and the scores of its scales, shape (5, distorted, gains).
        vif: the scores of its scales, shape (4, distorted, gains).
        motion: the blurred difference from the reference before; 0 for the first.
    """

    adm: Array
    vif: Array
    motion: float


class Workspace:
    """Room for one frame.

    Args:
        library: the loaded engine.
        width, height: of the pictures.
        distorted: how many are compared with one reference.
        depth: bits of a sample.
        gains: the greatest gains that count.
    """

    def __init__(
        self,
        library: Library,
        width: int,
        height: int,
        distorted: int,
        depth: int,
        gains: Sequence[float],
    ) -> None:
        kind = "u1" if depth == 8 else "u2"
        self._planes = [Plane(width, height, kind) for _ in range(distorted + 1)]
        self._before = Plane(width, height, kind)
        self._adm = AdmFrame(library, self._planes, depth, gains)
        self._vif = VifFrame(library, self._planes, depth, gains)
        self._sums = aligned((height, 2, library.lanes), "i4")
        # ADM and VIF continue a picture past its edge in different ways, one after the other.
        self._steps = Steps(library, [*self._adm.steps(), *self._vif.steps()])
        self._motion = Steps(library, self._motion_steps(library, width, depth))
        self._has_before = False

    def take(self, reference: Array, distorted: Sequence[Array], last: Workspace | None) -> None:
        """Copy the pictures of a frame, and the reference of the frame before."""
        self._has_before = last is not None
        if last is not None:
            np.copyto(self._before.picture, last._planes[0].picture)
        for plane, picture in zip(self._planes, (reference, *distorted), strict=True):
            np.copyto(plane.picture, picture)

    def run(self) -> FrameFeatures:
        """Compute the features."""
        self._steps.run()
        motion = self._measure_motion() if self._has_before else 0.0
        return FrameFeatures(self._adm.scores(), self._vif.scores(), motion)

    def _motion_steps(self, library: Library, width: int, depth: int) -> list[Step]:
        kernel, words = ("motion_8", ()) if depth == 8 else ("motion_16", (depth,))
        views = self._before.view, self._planes[0].view, View(self._sums)
        reach = _MOTION_REACH
        return [
            self._before.extension(library, reach, reach, repeat=False),
            Step(library, kernel, *words, width, *views),
        ]

    def _measure_motion(self) -> float:
        self._motion.run()
        return int(self._sums.sum(dtype=np.int64)) / 256.0 / self._before.picture.size
