"""How long a model takes, as medians over many runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from vmafkit.errors import UsageError
from vmafkit.models.loader import Model


def profile(
    model: Model, rows: Sequence[int], *, warmup: int = 5, iterations: int = 100
) -> list[dict[str, Any]]:
    """Milliseconds of a run on so many rows at once.

    Args:
        rows: the sizes tried, each at least 1.
        warmup, iterations: runs before the clock, and under it.

    Raises:
        UsageError: a number is out of range.
    """
    if iterations < 1 or warmup < 0 or not rows or min(rows) < 1:
        raise UsageError("--rows, --iters and --warmup must be above 0")
    results: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    for count in rows:
        table = rng.random((count, model.inputs))
        for _ in range(warmup):
            model.run(table)
        spans: list[float] = []
        for _ in range(iterations):
            started = time.perf_counter()
            model.run(table)
            spans.append((time.perf_counter() - started) * 1e3)
        results.append(
            {
                "device": model.device,
                "rows": count,
                "mean_ms": float(np.mean(spans)),
                "p50_ms": float(np.percentile(spans, 50)),
                "p99_ms": float(np.percentile(spans, 99)),
                "iters": iterations,
            }
        )
    return results
