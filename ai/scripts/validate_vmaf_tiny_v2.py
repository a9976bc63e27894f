"""Judge vmaf_tiny_v2 on a feature table; a thin call of `vmafkit.api.validate`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnx", type=Path, required=True)
    parser.add_argument("--parquet", type=Path, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--min-plcc", type=float, default=0.97)
    parser.add_argument("--max-rmse", type=float)
    parser.add_argument("--max-abs-error", type=float)
    parser.add_argument("--out-json", type=Path)
    options = parser.parse_args()
    from vmafkit import api
    from vmafkit.cli.train_verbs.judge import show_validation

    report = api.validate(
        options.onnx,
        options.parquet,
        rows=options.rows,
        min_plcc=options.min_plcc,
        max_rmse=options.max_rmse,
        max_abs_error=options.max_abs_error,
        out_json=options.out_json,
        entrypoint="ai/scripts/validate_vmaf_tiny_v2.py",
        argv=sys.argv[1:],
    )
    return show_validation(report)


if __name__ == "__main__":
    from vmafkit.cli.output import run_command

    raise SystemExit(run_command("validate_vmaf_tiny_v2", main))
