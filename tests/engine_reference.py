"""Slow, plain integer arithmetic of libvmaf's VIF, ADM and motion: what the engine must equal.

Written from the definition of the integer feature extractors in libvmaf 3.2
(integer_vif.c, integer_adm.c, integer_motion.c); numpy only, one picture at a time.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

VIF_TAPS = (
    (489, 935, 1640, 2640, 3896, 5274, 6547, 7455, 7784,
     7455, 6547, 5274, 3896, 2640, 1640, 935, 489),
    (1244, 3663, 7925, 12590, 14692, 12590, 7925, 3663, 1244),
    (3571, 16004, 26386, 16004, 3571),
    (10904, 43728, 10904),
)  # fmt: skip
_LO = (15826, 27411, 7345, -4240)
_HI = (-4240, -7345, 27411, -15826)
_DWT_LO_SUM = 46342


def _mirror(index: IntArray, size: int) -> IntArray:
    index = np.abs(index)
    return np.where(index >= size, 2 * size - 2 - index, index)


def _convolve(data: IntArray, taps: tuple[int, ...], axis: int) -> IntArray:
    size = data.shape[axis]
    total = np.zeros(data.shape, data.dtype)
    for k, tap in enumerate(taps):
        rows = _mirror(np.arange(size) - len(taps) // 2 + k, size)
        total += data.dtype.type(tap) * np.take(data, rows, axis=axis)
    return total


def _log2(value: IntArray) -> IntArray:
    """2048 times log2, of the 16 leading bits."""
    value = value.astype(np.int64)
    exponent = np.frexp(value.astype(np.float64))[1].astype(np.int64)
    shift = exponent - 16
    top = np.where(shift >= 0, value >> np.maximum(shift, 0), value << np.maximum(-shift, 0))
    table = np.log2(top.astype(np.float64)).astype(np.float32) * np.float32(2048)
    return np.floor(table + np.float32(0.5)).astype(np.int64) + 2048 * shift


def vif(ref: npt.NDArray, dis: npt.NDArray, depth: int, gain: float = 100.0) -> list[float]:
    """num / den of the four scales."""
    r, d = ref.astype(np.uint64), dis.astype(np.uint64)
    scores = []
    for scale, taps in enumerate(VIF_TAPS):
        shift = depth if scale == 0 else 16
        if scale:
            r, d = (_half(x, taps, depth if scale == 1 else 16) for x in (r, d))
        num, den = _vif_scale(r, d, taps, shift, gain)
        scores.append(num / den)
    return scores


def _half(image: IntArray, taps: tuple[int, ...], shift: int) -> IntArray:
    down = (_convolve(image, taps, 0) + np.uint64(1 << (shift - 1))) >> np.uint64(shift)
    out = (_convolve(down, taps, 1) + np.uint64(32768)) >> np.uint64(16)
    h, w = image.shape
    return out[::2, ::2][: h // 2, : w // 2]


def _moment(image: IntArray, taps: tuple[int, ...], shift: int) -> IntArray:
    half = np.uint64(0 if shift == 0 else 1 << (shift - 1))
    down = (_convolve(image, taps, 0) + half) >> np.uint64(shift)
    return (_convolve(down, taps, 1) + np.uint64(32768)) >> np.uint64(16)


def _mean(image: IntArray, taps: tuple[int, ...], shift: int) -> IntArray:
    down = (_convolve(image, taps, 0) + np.uint64(1 << (shift - 1))) >> np.uint64(shift)
    return _convolve(down, taps, 1)


def _high(a: IntArray, b: IntArray) -> IntArray:
    return (a * b + np.uint64(1 << 31)) >> np.uint64(32)


def _vif_scale(
    r: IntArray, d: IntArray, taps: tuple[int, ...], shift: int, limit: float
) -> tuple[float, float]:
    square_shift = (shift - 8) * 2 if shift < 16 or len(taps) == 17 else 16
    mu1, mu2 = _mean(r, taps, shift), _mean(d, taps, shift)
    s1, s2, s12 = (
        (_moment(a * b, taps, square_shift).astype(np.int64) - _high(m, n).astype(np.int64))
        for a, b, m, n in ((r, r, mu1, mu1), (d, d, mu2, mu2), (r, d, mu1, mu2))
    )
    s1, s2 = np.maximum(s1, 0), np.maximum(s2, 0)
    eps = 65536 * 1.0e-10
    g = s12 / (s1 + eps)
    sv = np.trunc(s2 - g * s12)
    sv = np.where(s1 == 0, s2, sv)
    g = np.where((s1 == 0) | (s2 == 0), 0.0, g)
    sv = np.where(s2 == 0, 0, sv)
    sv = np.where(g < 0, s2, sv)
    g = np.minimum(np.maximum(g, 0.0), limit)
    sv = np.trunc(np.maximum(sv, eps)).astype(np.int64)
    textured = s1 >= 131072
    lower = sv + 131072
    upper = (g * g * s1).astype(np.int64) + lower
    num = np.where(s12 >= 0, _log2(upper) - _log2(lower), 0)
    den = _log2(s1 + 131072) - 17 * 2048
    flat = ~textured
    return (
        num[textured].sum() / 2048 + flat.sum() - s2[flat].sum() / 16384 / 65025,
        den[textured].sum() / 2048 + flat.sum(),
    )


def motion_sad(before: npt.NDArray, now: npt.NDArray, depth: int) -> float:
    """The blurred difference of two references, per pixel."""
    diff = before.astype(np.int64) - now.astype(np.int64)
    down = (_convolve(diff, VIF_TAPS[2], 0) + (1 << (depth - 1))) >> depth
    out = (_convolve(down, VIF_TAPS[2], 1) + 32768) >> 16
    return int(np.abs(out).sum()) / 256.0 / diff.size


def _dwt_rows(size: int) -> list[IntArray]:
    half = (size + 1) // 2
    rows = []
    for k in range(4):
        index = np.abs(2 * np.arange(half) - 1 + k)
        rows.append(np.where(index >= size, 2 * size - 1 - index, index))
    return rows


def _dwt(
    image: IntArray, down: tuple[int, int], across: tuple[int, int], bias: int
) -> list[IntArray]:
    """Bands a, v, h, d."""

    def halve(data: IntArray, taps: tuple[int, ...], axis: int) -> IntArray:
        rows = _dwt_rows(data.shape[axis])
        return sum(t * np.take(data, i, axis=axis) for t, i in zip(taps, rows, strict=True))

    lo = (halve(image, _LO, 0) - bias + down[0]) >> down[1]
    hi = (halve(image, _HI, 0) + down[0]) >> down[1]
    return [
        (halve(part, taps, 1) + across[0]) >> across[1] for part in (lo, hi) for taps in (_LO, _HI)
    ]


def _csf_factor(scale: int, theta: int, distance: float = 3.0, lines: int = 1080) -> np.float32:
    g = (1.501, 1.0, 0.534, 1.0)[theta]
    amplitude = (
        (0.62171, 0.67234, 0.72709, 0.67234),
        (0.34537, 0.41317, 0.49428, 0.41317),
        (0.18004, 0.22727, 0.28688, 0.22727),
        (0.091401, 0.11792, 0.15214, 0.11792),
    )[scale][theta]
    f32 = np.float32
    r = f32(distance * lines * math.pi / 180.0)
    temp = f32(math.log10(2.0 ** (scale + 1) * float(f32(0.401)) * float(f32(g)) / float(r)))
    q = 2.0 * float(f32(0.495)) * 10.0 ** (float(f32(0.466)) * float(temp) * float(temp))
    return f32(1.0) / f32(q / float(f32(amplitude)))


def _decouple(o: list[IntArray], t: list[IntArray], gain: float, small: bool) -> list[IntArray]:
    f32 = np.float32
    cos_sq = float(f32(math.cos(math.pi / 180.0) ** 2))
    dot = (o[0] * t[0] + o[1] * t[1]).astype(f32).astype(np.float64) / 4096
    o_sq = (o[0] ** 2 + o[1] ** 2).astype(f32).astype(np.float64) / 4096
    t_sq = (t[0] ** 2 + t[1] ** 2).astype(f32).astype(np.float64) / 4096
    flag = (dot >= 0) & (dot * dot >= cos_sq * o_sq * t_sq)
    result = []
    for a, b in zip(o, t, strict=True):
        size = np.abs(a)
        bits = np.frexp(size.astype(np.float64))[1].astype(np.int64)
        shift = np.zeros_like(a) if small else np.maximum(bits - 15, 0)
        lead = np.where(shift > 0, (size + (1 << np.maximum(shift - 1, 0))) >> shift, size)
        inverse = (1 << 30) // np.maximum(lead, 1)
        k = (inverse * b * np.sign(a) + (1 << (14 + shift))) >> (15 + shift)
        k = np.clip(np.where(a == 0, 32768, k), 0, 32768)
        r = (k * a + 16384) >> 15
        up, low = np.trunc(np.minimum(r * gain, b)), np.trunc(np.maximum(r * gain, b))
        r = np.where(flag & (k * a > 0), up, np.where(flag & (k * a < 0), low, r)).astype(np.int64)
        result.append(r)
    return result


def _neighbours(data: IntArray) -> IntArray:
    """The sum of the eight around each."""
    rows, columns = (np.arange(-1, size + 1) for size in data.shape)
    rows, columns = np.abs(rows), np.abs(columns)
    rows[-1], columns[-1] = data.shape[0] - 1, data.shape[1] - 1
    padded = data[rows][:, columns]
    h, w = data.shape
    total = sum(padded[i : i + h, j : j + w] for i in range(3) for j in range(3))
    return total - data


def _log2_up(value: int) -> int:
    return math.ceil(math.log2(value))


def _border(size: int) -> tuple[int, int]:
    low = int(size * 0.1 - 0.5)
    return low, size - low


def adm(
    ref: npt.NDArray, dis: npt.NDArray, depth: int, gain: float = 100.0
) -> tuple[float, list[float]]:
    """adm2, and num / den of the four scales."""
    a_ref, a_dis = ref.astype(np.int64), dis.astype(np.int64)
    nums, dens = [], []
    for scale in range(4):
        if scale == 0:
            half = 1 << (depth - 1)
            passes = ((half, depth), (32768, 16), _DWT_LO_SUM * half)
        else:
            passes = (((0, 0), (32768, 16), (32768, 16))[scale - 1],
                      ((16384, 15), (32768, 16), (16384, 15))[scale - 1], 0)  # fmt: skip
        (a_ref, v, h, d), (a_dis, tv, th, td) = _dwt(a_ref, *passes), _dwt(a_dis, *passes)
        num, den = (_adm_fine if scale == 0 else _adm_coarse)([h, v, d], [th, tv, td], scale, gain)
        nums.append(num)
        dens.append(den)
    limit = 1e-10 * ref.size / (1920.0 * 1080.0)
    num = sum(map(float, nums))
    den = sum(map(float, dens))
    num, den = (0.0 if x < limit else x for x in (num, den))
    return (num / den if den else 1.0), [
        float(n) / float(m) for n, m in zip(nums, dens, strict=True)
    ]


def _root(value: float) -> np.float32:
    return np.float32(np.float32(value) ** np.float32(1.0 / 3.0))


def _adm_fine(o: list[IntArray], t: list[IntArray], scale: int, gain: float):
    r = _decouple(o, t, gain, small=True)
    h, w = o[0].shape
    factors = (36453, 36453, 49417)
    threshold = np.zeros_like(o[0])
    for rest, target, factor, add, shift in zip(
        r, t, factors, (16384, 16384, 65535), (15, 15, 17), strict=True
    ):
        c = np.abs((factor * (target - rest) + add) >> shift)
        threshold += _neighbours((4369 * c + 2048) >> 12) + ((8738 * c + 2048) >> 12)
    top, bottom = _border(h)
    left, right = _border(w)
    area = (bottom - top) * (right - left)
    noise = _root(area * 0.03125)
    csf = (_csf_factor(0, 1), _csf_factor(0, 1), _csf_factor(0, 2))
    inner = _log2_up(h)
    num, den = np.float32(0), np.float32(0)
    accum_shift = max(math.ceil(math.log2(area) - 20), 0)
    for i in range(3):
        x = np.maximum(np.abs(factors[i] * r[i]) - (threshold << (12 if i == 2 else 10)), 0)
        square = (x * x + (1 << (29 if i == 2 else 28))) >> (30 if i == 2 else 29)
        cube = math.ceil(math.log2(w) - (3 if i == 2 else 4))
        value = (square * x + (1 << (cube - 1))) >> cube
        rows = value[top:bottom, left:right].sum(axis=1)
        total = int(((rows + (1 << (inner - 1))) >> inner).sum())
        num += _root(total / 2.0 ** ((57 if i == 2 else 52) - cube - inner)) + noise
        rows = (np.abs(o[i]) ** 3)[top:bottom, left:right].sum(axis=1)
        add = 1 << (accum_shift - 1) if accum_shift else 0
        total = int(((rows + add) >> accum_shift).sum())
        den += _root(total / 2.0 ** (18 - accum_shift) * float(csf[i]) ** 3) + noise
    return num, den


def _adm_coarse(o: list[IntArray], t: list[IntArray], scale: int, gain: float):
    r = _decouple(o, t, gain, small=False)
    h, w = o[0].shape
    csf = (_csf_factor(scale, 1), _csf_factor(scale, 1), _csf_factor(scale, 2))
    factors = [int(float(f) * 2**32) for f in csf]
    threshold = np.zeros_like(o[0])
    for rest, target, factor in zip(r, t, factors, strict=True):
        c = np.abs((factor * (target - rest) + (1 << 27)) >> 28)
        threshold += _neighbours((143165577 * c - (1 << 31)) >> 32)
        threshold += (286331153 * c - (1 << 31)) >> 32
    top, bottom = _border(h)
    left, right = _border(w)
    area = (bottom - top) * (right - left)
    noise = _root(area * 0.03125)
    cube, inner = _log2_up(w), _log2_up(h)
    part_cube, part_inner = _log2_up(right - left), _log2_up(bottom - top)
    square_shift = (31, 30, 31)[scale - 1]
    num, den = np.float32(0), np.float32(0)
    for i in range(3):
        x = np.maximum(np.abs((factors[i] * r[i] + (1 << 27)) >> 28) - threshold, 0)
        square = (x * x + (1 << 29)) >> 30
        value = (square * x + (1 << (cube - 1))) >> cube
        rows = value[top:bottom, left:right].sum(axis=1)
        total = int(((rows + (1 << (inner - 1))) >> inner).sum())
        num += _root(total / 2.0 ** ((45, 39, 36)[scale - 1] - cube - inner)) + noise
        size = np.abs(o[i])
        square = (size * size + (1 << square_shift)) >> square_shift
        value = (square * size + (1 << part_cube >> 1)) >> part_cube
        rows = value[top:bottom, left:right].sum(axis=1)
        total = int(((rows + (1 << part_inner >> 1)) >> part_inner).sum())
        shift = (32, 27, 23)[scale - 1] - part_inner - part_cube
        den += _root(total / 2.0**shift * float(csf[i]) ** 3) + noise
    return num, den
