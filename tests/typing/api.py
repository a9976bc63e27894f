# pyright: strict
"""What a user writes; pyright must find nothing to say about it. It is never run."""

from __future__ import annotations

from pathlib import Path

import vmafkit
from vmafkit.errors import PairMismatch, VmafkitError


def scored(reference: Path, distorted: Path) -> float:
    """The harmonic mean and the fifth percentile of one pair."""
    result = vmafkit.score(reference, distorted, models=["vmaf_v0.6.1"], features=["psnr"])
    frames: int = result.frame_count
    model: str = result.model_id
    assert frames > 0
    return result.pooled(model, "harmonic_mean") - result.pooled(model, "p5")


def swept(sources: list[Path], output: Path) -> list[tuple[float, float]]:
    """The rate and the score of every cell that went well."""
    plan = vmafkit.plan_corpus(
        sources, encoder=["libx264", "svt-av1"], crf=["20:40:4"], display=(1920, 1080)
    )
    commands: tuple[str, ...] = plan.commands
    done = vmafkit.corpus(plan, output, workers=2, timeout_s=60.0)
    assert done.failed == 0 <= len(commands)
    return [
        (row.bitrate_kbps, row.vmaf_score)
        for row in vmafkit.read_corpus(output)
        if row.bitrate_kbps is not None and row.vmaf_score is not None
    ]


def told(reference: str, distorted: str) -> str:
    """A failure is one sentence and an exit code."""
    try:
        vmafkit.score(reference, distorted)
    except PairMismatch as error:
        return error.hint
    except VmafkitError as error:
        code: int = error.exit_code
        return f"{code}: {error.sentence()}"
    return vmafkit.__version__


def looked_at() -> dict[str, str]:
    """What works on this machine."""
    found = vmafkit.doctor()
    return {finding.name: finding.detail for finding in found.findings if finding.state == "works"}


KEYS: tuple[str, ...] = vmafkit.CORPUS_ROW_KEYS
VERSION: int = vmafkit.SCHEMA_VERSION
ROWS: int = vmafkit.export("corpus.jsonl", "corpus.parquet")
