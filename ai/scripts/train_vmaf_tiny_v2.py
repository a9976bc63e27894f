"""Train vmaf_tiny_v2 on a feature table; a thin call of `vmafkit.api.fit`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "vmaf_tiny_v2.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parquet", type=Path, required=True)
    parser.add_argument("--out-ckpt", type=Path, required=True)
    parser.add_argument("--out-stats", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    from vmafkit import api
    from vmafkit.cli import output

    with output.frames_shown("train_vmaf_tiny_v2") as on_progress:
        made = api.fit(
            options.parquet,
            config=options.config,
            epochs=options.epochs,
            seed=options.seed,
            out_ckpt=options.out_ckpt,
            out_stats=options.out_stats,
            entrypoint="ai/scripts/train_vmaf_tiny_v2.py",
            argv=sys.argv[1:],
            on_progress=on_progress,
        )
    output.result(f"{made.checkpoint}: {made.record['train_metrics']}")
    return 0


if __name__ == "__main__":
    from vmafkit.cli.output import run_command

    raise SystemExit(run_command("train_vmaf_tiny_v2", main))
