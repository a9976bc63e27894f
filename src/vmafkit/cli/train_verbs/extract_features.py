"""`vmaf-train extract-features`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.train_verbs.parts import Json, Quiet

HELP = """Extract features and the teacher's score of a data set into Parquet.

Beside NAME.parquet (one row per frame) come NAME.clips.parquet (the mean of each clip) and
NAME.parquet.manifest.json. What was computed before is not computed again; run the same command
again to go on after a stop.

Examples:

  vmaf-train extract-features --data-root netflix --dataset nflx-local --output nflx.parquet

  vmaf-train extract-features --dataset generic --pairs pairs.csv --output pairs.parquet

  vmaf-train extract-features --dataset made --output made.parquet
"""


def extract_features(
    dataset: Annotated[
        str, typer.Option(help="nflx-local, konvid-1k, bvi-dvc, youtube-ugc, generic, clips, made.")
    ],
    output_file: Annotated[Path, typer.Option("--output", "-o", help="A .parquet file.")],
    data_root: Annotated[
        Path | None, typer.Option(help="Of the data; wins over VMAF_DATA_ROOT.")
    ] = None,
    konvid_root: Annotated[
        Path | None, typer.Option(help="Of konvid-1k; wins over VMAF_KONVID_1K_DIR.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="CSV or YAML: pairs (generic) or views (clips).")
    ] = None,
    features_set: Annotated[
        str, typer.Option("--features-set", help="canonical-6, elementary or full.")
    ] = "canonical-6",
    teacher: Annotated[str, typer.Option(help="Model whose score is the target.")] = "vmaf_v0.6.1",
    recipe: Annotated[
        str, typer.Option(help="How pairs are made of clips: full, encoders, crf35, quick.")
    ] = "full",
    width: Annotated[int | None, typer.Option(help="Of raw YUV.")] = None,
    height: Annotated[int | None, typer.Option(help="Of raw YUV.")] = None,
    pix_fmt: Annotated[str | None, typer.Option(help="Of raw YUV.")] = None,
    framerate: Annotated[str | None, typer.Option(help="Of raw YUV, such as 30000/1001.")] = None,
    vmaf_binary: Annotated[
        Path | None, typer.Option(help="Score with libvmaf's own tool instead of ffmpeg.")
    ] = None,
    ffmpeg_bin: Annotated[str | None, typer.Option(help="The ffmpeg to use.")] = None,
    workers: Annotated[int | None, typer.Option(help="Pairs at once; default: cores.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for each process.")] = None,
    cache_beside: Annotated[
        bool, typer.Option(help="Keep features below the data root, where the data set has it so.")
    ] = True,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """See HELP."""
    from vmafkit import api

    with output.frames_shown("vmaf-train", quiet=quiet) as on_progress:
        made = api.extract_features(
            dataset,
            output_file,
            data_root=data_root,
            konvid_root=konvid_root,
            pairs=pairs,
            features_set=features_set,
            teacher=teacher,
            recipe=recipe,
            width=width,
            height=height,
            pix_fmt=pix_fmt,
            framerate=framerate,
            vmaf_binary=vmaf_binary,
            ffmpeg_bin=ffmpeg_bin,
            workers=workers,
            timeout_s=timeout,
            cache_beside=cache_beside,
            argv=sys.argv[1:],
            on_progress=on_progress,
        )
    for key, cause in made.failed:
        output.note(f"vmaf-train: {key} failed: {cause}")
    if as_json:
        output.json_line(
            {
                "type": "features",
                "output": str(made.output),
                "clips_output": str(made.clips_output),
                "manifest": str(made.manifest),
                "rows": made.rows,
                "pairs": made.pairs,
                "known": made.known,
                "failed": [list(each) for each in made.failed],
                "skipped": len(made.skipped),
            }
        )
    else:
        output.result(
            f"{made.output}: {made.rows} frames of {made.pairs} pairs, {made.known} known, "
            f"{len(made.failed)} failed, {len(made.skipped)} left out"
        )
    return 1 if made.failed else 0
