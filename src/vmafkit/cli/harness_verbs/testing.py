"""`vmaf-harness run-testing`, `run-cleaning-cache` and `run-encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.harness_verbs import flags, shown

TESTING_HELP = """Hold a metric against the opinion scores of a data set.

Figures stand as they are and after the usual logistic mapping, which flatters. Results are
kept in the workspace, so a second run only reads them; changed files are scored anew.

Examples:

  vmaf-harness run-testing VMAF dataset.yaml --parallelize --save-plot plots

  vmaf-harness run-testing PSNR NFLX_dataset_public.py --compare-with VMAF --json
"""

CLEANING_HELP = """Remove a metric's stored results of a data set.

Examples:

  vmaf-harness run-cleaning-cache VMAF dataset.yaml

  vmaf-harness run-cleaning-cache PSNR dataset.py --workspace space
"""

ENCODE_HELP = """Encode references, and write the recipe of what was made.

Examples:

  vmaf-harness run-encode a.mkv b.mkv --encoder libx264 --crf 23 --crf 35 --recipe made.yaml

  vmaf-harness run-encode a.yuv --width 1920 --height 1080 --encoder libsvtav1 --output made
"""
HELP = TESTING_HELP

Quality = Annotated[
    str,
    typer.Argument(metavar="METRIC", help=f"VMAF, PSNR, .. or path=FILE.json; {flags.LOOKED_UP}"),
]
VmafModel = Annotated[
    str | None,
    typer.Option("--vmaf-model", help=f"A model id or JSON file; {flags.LOOKED_UP}"),
]
Phone = Annotated[bool, typer.Option("--vmaf-phone-model", help="Apply the phone transform.")]
Many = list[str] | None
_SCORES = {"raw": "raw", "mapped": "after the logistic mapping"}


def run_testing(
    quality_type: Quality,
    test_dataset: flags.DataSet,
    vmaf_model: VmafModel = None,
    vmaf_phone_model: Phone = False,
    subj_model: flags.SubjModel = "MLE_CO_AP2",
    cache_result: flags.CacheResult = True,
    parallelize: flags.Parallelize = False,
    processes: flags.Processes = None,
    print_result: Annotated[
        bool, typer.Option("--print-result", help="Every asset's score as well.")
    ] = False,
    suppress_plot: flags.SuppressPlot = False,
    save_plot: flags.SavePlot = None,
    plot_wh: Annotated[str, typer.Option("--plot-wh", help="Of the plot, in inches.")] = "8x6",
    pool: flags.Pool = "mean",
    compare_with: Annotated[
        str | None, typer.Option("--compare-with", help="A second metric, in pairs.")
    ] = None,
    bootstrap: Annotated[int, typer.Option(help="Draws for intervals; 0 for none.")] = 200,
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api

    with output.frames_shown("vmaf-harness", quiet=quiet) as on_progress:
        report = api.run_testing(
            quality_type,
            test_dataset,
            vmaf_model=vmaf_model,
            vmaf_phone_model=vmaf_phone_model,
            subj_model=subj_model,
            cache_result=cache_result,
            parallelize=parallelize,
            processes=processes,
            save_plot=None if suppress_plot else save_plot,
            plot_wh=plot_wh,
            pool=pool,
            compare_with=compare_with,
            bootstrap=bootstrap,
            ffmpeg_bin=ffmpeg_bin,
            timeout_s=timeout,
            workspace=workspace,
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(report)
        return 1 if report["failed"] else 0
    if print_result:
        shown.assets(report)
    shown.figures(report)
    if compare_with is not None:
        shown.figures(report["compared_with"])
    for each in report.get("comparison", ()):
        low, high = each["interval_95"]
        output.result(
            f"{each['figure'].upper()} {_SCORES[each['scores']]}, "
            f"{quality_type} less {compare_with}: "
            f"{shown.number(each['difference'])} [{shown.number(low)}, {shown.number(high)}], "
            f"p {shown.number(each['p_value'])}"
        )
    if "plot" in report:
        output.result(f"plot: {report['plot']}")
    return 1 if report["failed"] else 0


def run_cleaning_cache(
    quality_type: Quality,
    test_dataset: flags.DataSet,
    vmaf_model: VmafModel = None,
    vmaf_phone_model: Phone = False,
    ffmpeg_bin: flags.FfmpegBin = None,
    workspace: flags.Workspace = None,
) -> int:
    from vmafkit import api

    count = api.run_cleaning_cache(
        quality_type,
        test_dataset,
        vmaf_model=vmaf_model,
        vmaf_phone_model=vmaf_phone_model,
        ffmpeg_bin=ffmpeg_bin,
        workspace=workspace,
    )
    output.result(f"{count} results removed")
    return 0


def run_encode(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE..", help="References.")],
    encoder: Annotated[Many, typer.Option(help="libx264 when none is named; repeatable.")] = None,
    preset: Annotated[Many, typer.Option(help="The encoder's own word; repeatable.")] = None,
    crf: Annotated[
        list[float] | None, typer.Option("--crf", "--quality", help="Repeatable.")
    ] = None,
    output_folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder; else the workspace's.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="A .yaml file to write.")] = None,
    dataset_name: Annotated[str, typer.Option(help="In that recipe.")] = "encoded",
    width: Annotated[int | None, typer.Option(help="Of raw YUV.")] = None,
    height: Annotated[int | None, typer.Option(help="Of raw YUV.")] = None,
    pix_fmt: Annotated[str, typer.Option(help="Of raw YUV.")] = "yuv420p",
    framerate: Annotated[str, typer.Option(help="Of raw YUV, such as 30000/1001.")] = "25",
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api

    with output.frames_shown("vmaf-harness", quiet=quiet) as on_progress:
        made = api.run_encode(
            list(sources),
            encoder=encoder or ["libx264"],
            preset=preset or [],
            crf=crf or [],
            output=output_folder,
            recipe=recipe,
            dataset_name=dataset_name,
            width=width,
            height=height,
            pix_fmt=pix_fmt,
            framerate=framerate,
            ffmpeg_bin=ffmpeg_bin,
            timeout_s=timeout,
            workspace=workspace,
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(made)
        return 0
    for each in made["encodes"]:
        output.result(f"{each['path']}{' (known)' if each['known'] else ''}")
    return 0
