"""`vmaf-harness run-vmaf-training`, `run-vmaf-cross-validation` and `convert-model`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.harness_verbs import flags, shown

TRAINING_HELP = """Train a model on a data set, and write it as JSON that libvmaf loads.

Examples:

  vmaf-harness run-vmaf-training set.yaml features.yaml params.yaml mine.json --parallelize

  vmaf-harness run-vmaf-training set.py f.py p.py mine.json --subj-model MOS --save-plot plots
"""

CROSS_HELP = """Train without some contents and predict them, until each was predicted.

Examples:

  vmaf-harness run-vmaf-cross-validation set.yaml features.yaml params.yaml --folds 3

  vmaf-harness run-vmaf-cross-validation set.yaml f.py p.py --group 0,1,2 --group 3,4
"""

CONVERT_HELP = """Write a pickled or JSON model as libvmaf's JSON; a pickle is read, never run.

Examples:

  vmaf-harness convert-model --input-pkl-filepath old.pkl --output-json-filepath new.json

  vmaf-harness convert-model --input mine.json --output mine_neg.json --no-enhn-gain
"""
HELP = TRAINING_HELP

Features = Annotated[Path, typer.Argument(metavar="FEATURES", help="A file with feature_dict.")]
Params = Annotated[Path, typer.Argument(metavar="PARAMS", help="A file with model_type.")]
OutModel = Annotated[
    Path,
    typer.Argument(
        metavar="OUT",
        help="A .json file; a bare name that is not here goes to the workspace's model folder.",
    ),
]


def run_vmaf_training(
    train_dataset: flags.DataSet,
    feature_param: Features,
    model_param: Params,
    output_model: OutModel,
    subj_model: flags.TrainedOn = "MLE_CO_AP2",
    cache_result: flags.CacheResult = True,
    parallelize: flags.Parallelize = False,
    processes: flags.Processes = None,
    suppress_plot: flags.SuppressPlot = False,
    save_plot: flags.SavePlot = None,
    pool: flags.Pool = "mean",
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api

    with output.frames_shown("vmaf-harness", quiet=quiet) as on_progress:
        report = api.run_vmaf_training(
            train_dataset,
            feature_param,
            model_param,
            output_model,
            subj_model=subj_model,
            cache_result=cache_result,
            parallelize=parallelize,
            processes=processes,
            save_plot=None if suppress_plot else save_plot,
            pool=pool,
            ffmpeg_bin=ffmpeg_bin,
            timeout_s=timeout,
            workspace=workspace,
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(report)
        return 0
    shown.figures(report)
    output.result(f"model: {report['output']}")
    if report["kept"] != report["output"]:
        output.result(f"copy in the workspace: {report['kept']}")
    output.note("vmaf-harness: these figures are of the model's own training data")
    return 0


def run_vmaf_cross_validation(
    train_dataset: flags.DataSet,
    feature_param: Features,
    model_param: Params,
    folds: Annotated[
        int | None, typer.Option(help="Parts; default: one content at a time.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Contents of a part, such as 0,1; repeatable.")
    ] = None,
    subj_model: flags.TrainedOn = "MLE_CO_AP2",
    cache_result: flags.CacheResult = True,
    parallelize: flags.Parallelize = False,
    processes: flags.Processes = None,
    suppress_plot: flags.SuppressPlot = False,
    save_plot: flags.SavePlot = None,
    pool: flags.Pool = "mean",
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api

    with output.frames_shown("vmaf-harness", quiet=quiet) as on_progress:
        report = api.run_vmaf_cross_validation(
            train_dataset,
            feature_param,
            model_param,
            folds=folds,
            groups=[each.split(",") for each in group or []],
            subj_model=subj_model,
            cache_result=cache_result,
            parallelize=parallelize,
            processes=processes,
            save_plot=None if suppress_plot else save_plot,
            pool=pool,
            ffmpeg_bin=ffmpeg_bin,
            timeout_s=timeout,
            workspace=workspace,
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(report)
        return 0
    shown.figures(report)
    for each in report["folds"]:
        output.result(
            f"without {', '.join(each['contents'])}: n {each['n']}, "
            f"SROCC {shown.number(each['srocc'])}, RMSE {shown.number(each['rmse'])}"
        )
    return 0


def convert_model(
    input_pkl_filepath: Annotated[
        Path,
        typer.Option(
            "--input-pkl-filepath", "--input", help=f"A .pkl or .json model; {flags.LOOKED_UP}"
        ),
    ],
    output_json_filepath: Annotated[
        Path, typer.Option("--output-json-filepath", "--output", "-o", help="A .json file.")
    ],
    no_enhn_gain: Annotated[
        bool, typer.Option("--no-enhn-gain", help="No credit for enhancement.")
    ] = False,
    workspace: flags.Workspace = None,
) -> int:
    from vmafkit import api

    made = api.convert_model(
        input_pkl_filepath,
        output_json_filepath,
        no_enhn_gain=no_enhn_gain,
        workspace=workspace,
    )
    output.result(f"{made['output']}: {len(made['features'])} features")
    return 0
