"""Numbers that define the features.

Sources: filter taps, wavelet and contrast weights are those of libvmaf 3.2
(integer_vif.h, integer_motion.h, integer_adm.h); the wavelet is Daubechies' second, the
contrast weights follow Watson, Yang, Solomon and Villasenor, "Visibility of wavelet
quantization noise", IEEE Trans. Image Processing 6(8), 1997, tables IV and V.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

MACHINES = {
    "x86_64": ("x86-64-linux-sse41", 4),
    "avx2": ("x86-64-linux-sse41-avx-avx2-fma-f16c", 8),
    "avx512": ("x86-64-linux-sse41-avx-avx2-fma-f16c-avx512-avx512_skylake", 16),
    "arm64": ("arm-64-linux", 4),
}
"""Kinds of processor: Halide's name, and 32-bit lanes."""
FAMILIES = {"x86_64": ("x86_64", "avx2", "avx512"), "aarch64": ("arm64",)}
"""Those that one shared object can serve, by the system's word for them, from the least to the
best."""

VIF_TAPS = (
    (489, 935, 1640, 2640, 3896, 5274, 6547, 7455, 7784,
     7455, 6547, 5274, 3896, 2640, 1640, 935, 489),
    (1244, 3663, 7925, 12590, 14692, 12590, 7925, 3663, 1244),
    (3571, 16004, 26386, 16004, 3571),
    (10904, 43728, 10904),
)  # fmt: skip
MOTION_TAPS = VIF_TAPS[2]
DWT_LOW = (15826, 27411, 7345, -4240)
DWT_HIGH = (-4240, -7345, 27411, -15826)
LOG2_FACTORS = (
    1.4426898811515847, -0.7211658053627543, 0.4786836948056847, -0.34730106740591876,
    0.2418647354471435, -0.13752129683983258, 0.052058966521290724, -0.00930915462602311,
)  # fmt: skip
"""log2(1 + t) / t on [0, 1], fitted by reweighted least squares; greatest error 4.7e-8."""
FINE_WEIGHTS = (36453, 36453, 49417)
"""Contrast weights of scale 0 at three picture heights: 2^21, 2^21 and 2^23 times 1/step."""

_AMPLITUDES = (
    (0.67234, 0.72709),
    (0.41317, 0.49428),
    (0.22727, 0.28688),
    (0.11792, 0.15214),
)
_THRESHOLD, _SLOPE, _FREQUENCY, _DIAGONAL = 0.495, 0.466, 0.401, 0.534
_VIEWING_HEIGHTS, _DISPLAY_LINES = 3.0, 1080


def contrast_weights(scale: int) -> tuple[float, float, float]:
    """1 / quantisation step of the bands h, v and d of a scale, as float32 values."""
    side, diagonal = (_weight(scale, theta) for theta in (0, 1))
    return side, side, diagonal


def _weight(scale: int, diagonal: int) -> float:
    def narrow(value: float) -> float:
        return float(np.float32(value))

    per_degree = narrow(_VIEWING_HEIGHTS * _DISPLAY_LINES * math.pi / 180.0)
    shape = narrow(_DIAGONAL) if diagonal else 1.0
    octave = narrow(math.log10(2.0 ** (scale + 1) * narrow(_FREQUENCY) * shape / per_degree))
    step = 2.0 * narrow(_THRESHOLD) * 10.0 ** (narrow(_SLOPE) * octave * octave)
    return narrow(float(np.float32(1.0) / np.float32(step / narrow(_AMPLITUDES[scale][diagonal]))))


def log2_table() -> npt.NDArray[np.int32]:
    """2048 log2(i) rounded, for i = 32768..65535, by way of float32 as libvmaf makes it."""
    leading = np.arange(32768, 65536, dtype=np.float64)
    return np.floor(np.log2(leading).astype(np.float32) * np.float32(2048) + 0.5).astype(np.int32)
