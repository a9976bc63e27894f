"""Chooses windows that stand for a whole title, and says how far they may be off.

The title is cut into pieces of one window's length. The pieces are put in the order of how hard
they are to encode and divided into as many groups of equal size as there are windows; each group
gives the piece of its middle half that lies farthest in time from those chosen already. So easy
and hard content come in the shares that the title has, and every frame counts the same.

The error of a mean is the successive-difference estimator for ordered samples (Wolter,
"Introduction to Variance Estimation", 2nd edition, 8.2), of other statistics the jackknife;
both with the finite population correction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vmafkit import pooling
from vmafkit.errors import UsageError
from vmafkit.media.window import Window

FULL_BELOW_S = 60.0
DEFAULT_SAMPLE_S = 4.0
CONFIDENCE = 0.95
_WHOLE_SHARE = 0.85
_FEWEST, _MOST = 6, 20
_EVERY_S = 60.0

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Samples:
    """The windows of a title.

    Attributes:
        windows: easiest first; one full window where sampling would not pay.
        share: frames in them over all frames, above 0 and at most 1.
        is_fixed: their number was asked for, so it does not grow.
    """

    windows: tuple[Window, ...]
    share: float
    is_fixed: bool = False

    @property
    def is_full(self) -> bool:
        """Whether this is the whole title."""
        return self.windows[0].is_full

    def word(self) -> str:
        """Canonical text: `full`, or `start+frames` of every window in the order of time."""
        return ",".join(window.word() for window in sorted(self.windows))


def full(frames: int) -> Samples:
    """The whole title of so many frames."""
    return Samples((Window(0, frames, is_full=True),), 1.0)


def first_samples(
    weights: FloatArray,
    framerate: Fraction,
    *,
    count: int | None = None,
    sample_s: float | None = None,
    is_full: bool = False,
) -> Samples:
    """The windows to begin with.

    Args:
        weights: what each frame costs, shape (frames,).
        framerate: frames per second.
        count: windows; None for one a minute, 6 to 20, or the whole of a short title.
        sample_s: seconds of each window; None for 4.
        is_full: the whole title whatever its length.

    Raises:
        UsageError: a number is not above 0, the title is shorter than a sample that was asked
            for, or flags contradict each other.
    """
    frames = int(weights.size)
    duration_s = float(frames / framerate)
    if is_full:
        if count is not None or sample_s is not None:
            raise UsageError("--full contradicts --samples and --sample-duration")
        return full(frames)
    if count is not None and count < 1:
        raise UsageError(f"--samples {count} is below 1", hint="--full uses the whole title")
    if sample_s is not None and not (math.isfinite(sample_s) and sample_s > 0):
        raise UsageError(f"--sample-duration {sample_s:g} is not above 0", hint="it is in seconds")
    if sample_s is not None and sample_s > duration_s:
        raise UsageError(
            f"--sample-duration {sample_s:g} is longer than the source ({duration_s:.3g} s)",
            hint="name a shorter one, or use --full",
        )
    if count is None and sample_s is None and duration_s < FULL_BELOW_S:
        return full(frames)
    each = max(1, round((sample_s or DEFAULT_SAMPLE_S) * float(framerate)))
    wanted = count or min(_MOST, max(_FEWEST, math.ceil(duration_s / _EVERY_S)))
    return choose(weights, wanted, each, is_fixed=count is not None)


def choose(
    weights: FloatArray,
    count: int,
    each: int,
    *,
    chosen: Sequence[Window] = (),
    is_fixed: bool = False,
) -> Samples:
    """Windows for every group of complexity; those chosen before are kept.

    Args:
        weights: what each frame costs, shape (frames,).
        count: windows, at least 1.
        each: frames of one window, at least 1.
        chosen: windows of an earlier call with the same weights and frames.
    """
    frames = int(weights.size)
    pieces = frames // each
    if count * each >= frames * _WHOLE_SHARE or pieces <= count:
        return full(frames)
    starts = [piece * frames // pieces for piece in range(pieces)]
    costs = np.array([weights[start : start + each].sum() for start in starts])
    ranked = [int(piece) for piece in np.argsort(costs, kind="stable")]
    place = {start: piece for piece, start in enumerate(starts)}
    taken = {place[window.start_frame] for window in chosen if window.start_frame in place}
    for group in _groups(ranked, count):
        if not taken & set(group):
            taken.add(_farthest(_middle_half(group), taken, pieces))
    picked = [piece for piece in ranked if piece in taken]
    windows = tuple(Window(starts[piece], each) for piece in picked)
    return Samples(windows, len(windows) * each / frames, is_fixed)


def widened(samples: Samples, weights: FloatArray) -> Samples:
    """About twice the windows, with all of those before among them."""
    count, each = len(samples.windows), samples.windows[0].frames
    return choose(weights, 2 * count, each, chosen=samples.windows)


def pooled_error(per_window: Sequence[FloatArray], statistic: str, share: float) -> float | None:
    """The standard error of a statistic over sampled frames, for the whole title.

    Args:
        per_window: the scores of each window's frames, easiest window first.
        statistic: of `pooling`.
        share: of the frames that were sampled.

    Returns:
        In the unit of the scores; 0 for a whole title, None for a single window.
    """
    if share >= 1.0:
        return 0.0
    if len(per_window) < 2:
        return None
    rest = 1.0 - share
    if statistic == "mean":
        means = np.array([values.mean() for values in per_window])
        variance = float(np.square(np.diff(means)).sum()) / (2 * (means.size - 1) * means.size)
        return math.sqrt(rest * variance)
    return math.sqrt(rest * _jackknife(per_window, lambda all_: pooling.pool(all_, statistic)))


def half_width(error: float | None, windows: int) -> float | None:
    """Half of the interval that holds the whole title's value 95 times in 100."""
    if error is None or error == 0.0:
        return error
    from scipy.stats import t  # pyright: ignore[reportMissingTypeStubs]

    return error * float(t.ppf((1 + CONFIDENCE) / 2, windows - 1))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _jackknife(per_window: Sequence[FloatArray], statistic: Callable[[FloatArray], float]) -> float:
    count = len(per_window)
    left_out = np.array(
        [
            statistic(np.concatenate([v for j, v in enumerate(per_window) if j != i]))
            for i in range(count)
        ]
    )
    return float(np.square(left_out - left_out.mean()).sum() * (count - 1) / count)


def _groups(ranked: list[int], count: int) -> list[list[int]]:
    bounds = [i * len(ranked) // count for i in range(count + 1)]
    return [ranked[a:b] for a, b in pairwise(bounds)]


def _middle_half(group: list[int]) -> list[int]:
    cut = len(group) // 4
    return group[cut : len(group) - cut]


def _farthest(candidates: list[int], taken: set[int], pieces: int) -> int:
    if not taken:
        return min(candidates, key=lambda piece: (abs(2 * piece - pieces), piece))
    return max(candidates, key=lambda piece: (min(abs(piece - other) for other in taken), -piece))
