"""`vmaf-harness workspace` and `vmaf-harness store`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.harness_verbs import flags
from vmafkit.errors import UsageError

SHOW_HELP = """Where the workspace and its folders are; nothing is made.

Examples:

  vmaf-harness workspace show

  vmaf-harness workspace show --workspace space --json
"""
SIZE_HELP = """How much each folder of the workspace holds.

Examples:

  vmaf-harness workspace size --json

  vmaf-harness workspace size --workspace space
"""
CLEAN_HELP = """Empty what is always safe to empty: scratch of ended runs, and output.

--caches and --models also take stored results and trained models. Each says what it destroys
and asks before; --yes answers for a script.

Examples:

  vmaf-harness workspace clean

  vmaf-harness workspace clean --caches --yes
"""
LS_HELP = """List the stored results.

Examples:

  vmaf-harness store ls --metric VMAF

  vmaf-harness store ls --dataset made --json
"""
STORE_SHOW_HELP = """One stored result: what it depends on, and its mean scores.

Examples:

  vmaf-harness store show 3f2a

  vmaf-harness store show 3f2a --json
"""
PRUNE_HELP = """Remove stored results that agree with all that is said.

Examples:

  vmaf-harness store prune --stale

  vmaf-harness store prune --metric PSNR --older-than 30
"""
EXPORT_HELP = """Write the per-frame scores of all stored results as a table.

Examples:

  vmaf-harness store export results.parquet

  vmaf-harness store export results.csv --workspace space
"""
HELP = SHOW_HELP

Metric = Annotated[str | None, typer.Option("--metric", help="Only of this metric.")]
DataSet = Annotated[str | None, typer.Option("--dataset", help="Only of this data set.")]


def show(workspace: flags.Workspace = None, as_json: flags.Json = False) -> int:
    from vmafkit import api

    record = api.workspace_show(workspace=workspace)
    if as_json:
        output.json_line(record)
        return 0
    output.result(record["root"])
    for name, each in record["folders"].items():
        output.result(f"  {name:17} {each['holds']}")
    return 0


def size(workspace: flags.Workspace = None, as_json: flags.Json = False) -> int:
    from vmafkit import api

    sizes = api.workspace_sizes(workspace=workspace)
    if as_json:
        output.json_line({"type": "sizes", "bytes": sizes})
        return 0
    for name, count in sizes.items():
        output.result(f"{name:17} {count / 1e6:12.3f} MB")
    return 0


def clean(
    caches: Annotated[bool, typer.Option("--caches", help="Stored results and encodes.")] = False,
    models: Annotated[bool, typer.Option("--models", help="Trained models.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
) -> int:
    from vmafkit import api

    levels = ["safe"]
    for name, wanted in (("caches", caches), ("models", models)):
        if wanted and (yes or _agreed(name, api.workspace_levels()[name])):
            levels.append(name)
    removed = api.workspace_clean(levels=levels, workspace=workspace)
    if as_json:
        output.json_line({"type": "cleaned", "bytes": removed})
        return 0
    for name, count in removed.items():
        output.result(f"{name}: {count / 1e6:.3f} MB removed")
    return 0


def _agreed(name: str, loses: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            f"--{name} destroys {loses}", hint="add --yes to do it without being asked"
        )
    return typer.confirm(f"--{name} destroys {loses}. Go on?", err=True)


def ls(
    metric: Metric = None,
    dataset: DataSet = None,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
) -> int:
    from vmafkit import api

    for each in api.store_list(metric=metric, dataset=dataset, workspace=workspace):
        if as_json:
            output.json_line({"type": "result", **each})
        else:
            output.result(
                f"{each['key'][:12]}  {each['created']}  {each['metric']:16} "
                f"{each['dataset']}/{each['asset']}  {each['frames']} frames"
            )
    return 0


def show_result(
    key: Annotated[str, typer.Argument(help="Its first digits.")],
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
) -> int:
    from vmafkit import api

    record = api.store_show(key, workspace=workspace)
    if as_json:
        output.json_line(record)
        return 0
    # The facts hold the hashes of both files under the names of the files themselves.
    facts = {f"{k}_hash" if k in ("reference", "distorted") else k: v
             for k, v in record["facts"].items()}  # fmt: skip
    for name, value in {**record, **facts}.items():
        if name not in ("facts", "mean"):
            output.result(f"{name}: {value}")
    for name, value in record["mean"].items():
        output.result(f"mean {name}: {value:.6f}")
    return 0


def prune(
    metric: Metric = None,
    dataset: DataSet = None,
    older_than: Annotated[float | None, typer.Option("--older-than", help="Days.")] = None,
    stale: Annotated[bool, typer.Option("--stale", help="Of another ffmpeg.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Whatever they are.")] = False,
    ffmpeg_bin: flags.FfmpegBin = None,
    workspace: flags.Workspace = None,
) -> int:
    from vmafkit import api

    count = api.store_prune(
        metric=metric,
        dataset=dataset,
        older_than_days=older_than,
        stale=stale,
        everything=everything,
        ffmpeg_bin=ffmpeg_bin,
        workspace=workspace,
    )
    output.result(f"{count} results removed")
    return 0


def export(
    output_file: Annotated[Path, typer.Argument(metavar="OUT", help="A .parquet or .csv file.")],
    workspace: flags.Workspace = None,
) -> int:
    from vmafkit import api

    count = api.store_export(output_file, workspace=workspace)
    output.result(f"{output_file}: {count} rows")
    return 0
