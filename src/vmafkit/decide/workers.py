"""How many trials run at once."""

from __future__ import annotations

# A rough guess at what one ffmpeg takes at its peak; not measured for each encoder.
_BASE_BYTES = 120_000_000
_FRAMES_HELD = 100
# Of what is free; the rest is the machine's own.
MEMORY_SHARE = 0.8


def trial_bytes(width_px: int, height_px: int, bit_depth: int) -> int:
    """About the most memory that one trial takes at once, in bytes.

    Args:
        width_px, height_px: of the larger of source and display.
        bit_depth: of the samples.
    """
    frame = width_px * height_px * 3 // 2 * (2 if bit_depth > 8 else 1)
    return _BASE_BYTES + _FRAMES_HELD * frame


def worker_count(
    cores: int, threads: int, *, free_bytes: int | None = None, trial_bytes: int = 0
) -> int:
    """Workers so that their threads fit the cores and their trials the memory; at least 1.

    Args:
        cores: processors that may be used.
        threads: of each encode and each score.
        free_bytes: memory that may be taken, or None where it is not known.
        trial_bytes: of the largest trial.
    """
    count = max(1, cores // max(1, threads))
    if free_bytes is not None and trial_bytes > 0:
        count = min(count, int(free_bytes * MEMORY_SHARE) // trial_bytes)
    return max(1, count)
