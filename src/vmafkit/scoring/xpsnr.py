"""XPSNR by ffmpeg's own filter, frame by frame.

The planes' values are joined as (4 Y + U + V) / 6, the weighting of the authors for 4:2:0
video (Helmrich et al., "XPSNR: a low-complexity extension of the perceptually weighted peak
signal-to-noise ratio", ICASSP 2020). A plane without any difference is infinitely good; it
counts as 6 dB a bit and 12 dB more, as in libvmaf's PSNR, and nothing counts as more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vmafkit import fsio
from vmafkit.errors import FrameCount, ResultInvalid, ScoreFailed, UsageError
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.media import pixfmt
from vmafkit.proc import Finished
from vmafkit.scoring.features import Feature
from vmafkit.scoring.libvmaf import Result, Side, check_lengths, read_log
from vmafkit.scoring.score import FloatArray

NAME = "xpsnr"
FEATURE = Feature(NAME, ("xpsnr", "xpsnr_y", "xpsnr_u", "xpsnr_v"))

_LOG_NAME = "xpsnr.log"
_LINE = re.compile(r"^n:\s*(\d{1,9})((?:\s+XPSNR [a-z]: \S+)+)\s*$", re.MULTILINE)
_PLANE = re.compile(r"XPSNR ([a-z]): (\S+)")
_WEIGHTS = {"y": 4.0, "u": 1.0, "v": 1.0}


def as_result(
    program: Path,
    sides: tuple[Side, Side],
    pix_fmt: str,
    results: Sequence[Result],
    job: Job | None,
) -> Result:
    """Run the filter over a pair, as one more pass beside those of libvmaf.

    Args:
        sides: reference, distorted.
        pix_fmt: the planar format both sides are compared in.
        results: of the passes before it; their frames are kept.

    Raises:
        UsageError: there is no other pass.
        PairMismatch: the sides give different numbers of frames.
        ScoreFailed: ffmpeg failed.
        ResultInvalid, FrameCount: its log is not whole.
    """
    if not results:
        raise UsageError("XPSNR is computed beside a VMAF model only", hint="name a --model too")
    columns, finished = _run(program, *sides, pix_fmt, job)
    log = results[0][0]
    frames = columns[NAME].size
    if log.frame_numbers.size != frames:
        kept = log.frame_numbers - log.frame_numbers[0]
        columns = {name: values[kept] for name, values in columns.items()}
    return log, columns, finished


def _run(
    program: Path, reference: Side, distorted: Side, pix_fmt: str, job: Job | None
) -> tuple[dict[str, FloatArray], Finished]:
    chain = ";".join(
        (
            distorted.chain("0:V:0", "d", pix_fmt),
            reference.chain("1:V:0", "r", pix_fmt),
            f"[d][r]xpsnr=stats_file={_LOG_NAME}",
        )
    )
    words = [
        *distorted.words,
        *reference.words,
        "-filter_complex", chain, "-fps_mode", "passthrough", "-f", "null", "-",
    ]  # fmt: skip
    with fsio.scratch_folder() as folder:
        finished = run_ffmpeg(
            program, words, cwd=folder, job=job, log_level="verbose", failure=ScoreFailed,
            what="scoring XPSNR",
        )  # fmt: skip
        frames = check_lengths(finished, reference, distorted)
        text = read_log(folder / _LOG_NAME)
    return parse_log(text, frames, pixfmt.bit_depth(pix_fmt)), finished


def parse_log(text: str, frames: int, bit_depth: int) -> dict[str, FloatArray]:
    """The columns of the filter's log.

    Args:
        frames: how many it must hold.
        bit_depth: of the compared samples; it sets the value of a perfect plane.

    Raises:
        FrameCount: it holds another number of frames.
        ResultInvalid: frames lack planes, are out of order, or hold no number.
    """
    best = 6.0 * bit_depth + 12.0
    rows: list[dict[str, float]] = []
    for match in _LINE.finditer(text):
        if int(match[1]) != len(rows) + 1:
            raise ResultInvalid("the frames of the XPSNR log are out of order")
        rows.append({plane: _value(word, best) for plane, word in _PLANE.findall(match[2])})
    if len(rows) != frames or not rows:
        raise FrameCount(f"XPSNR was computed of {len(rows)} frames where {frames} were expected")
    planes = rows[0].keys()
    if any(row.keys() != planes for row in rows) or "y" not in planes:
        raise ResultInvalid("the frames of the XPSNR log do not hold the same planes")
    columns = {plane: np.array([row[plane] for row in rows]) for plane in planes}
    weights = {plane: _WEIGHTS.get(plane, 0.0) for plane in planes}
    joined = sum(weights[plane] * columns[plane] for plane in planes) / sum(weights.values())
    return {NAME: np.asarray(joined)} | {
        f"{NAME}_{plane}": values for plane, values in columns.items()
    }


def _value(word: str, best: float) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not value >= 0.0:
        raise ResultInvalid(f"the XPSNR log holds {word!r}")
    return min(value, best)
