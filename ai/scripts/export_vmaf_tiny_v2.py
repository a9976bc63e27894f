"""Export vmaf_tiny_v2 to ONNX with its card; a thin call of `vmafkit.api.export_model`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--out-onnx", type=Path, required=True)
    parser.add_argument("--out-sidecar", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, help="report of vmaf-train eval")
    parser.add_argument("--opset", type=int, default=17)
    options = parser.parse_args()
    from vmafkit import api
    from vmafkit.cli import output

    made = api.export_model(
        options.ckpt,
        options.out_onnx,
        sidecar=options.out_sidecar,
        opset=options.opset,
        evaluation=options.evaluation,
        model_id="vmaf_tiny_v2",
        license="Apache-2.0",
        entrypoint="ai/scripts/export_vmaf_tiny_v2.py",
        argv=sys.argv[1:],
    )
    output.result(f"{made.onnx}: sha256 {made.sha256}")
    return 0


if __name__ == "__main__":
    from vmafkit.cli.output import run_command

    raise SystemExit(run_command("export_vmaf_tiny_v2", main))
