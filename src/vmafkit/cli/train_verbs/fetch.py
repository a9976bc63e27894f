"""`vmaf-train fetch`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.train_verbs.parts import Json, Quiet

HELP = """Fetch the files of a data set, checked and continued where a fetch was cut off.

What is fetched is a list of yours: CSV or YAML with url, path and sha256. No address is built in.
fetch_manifest.json in the root says what came, from where.

Examples:

  vmaf-train fetch --dataset konvid-1k --root konvid-1k --list files.csv --unpack

  vmaf-train fetch --dataset youtube-ugc --root ugc --list files.csv
"""


def fetch(
    dataset: Annotated[str, typer.Option(help="A data set's name.")],
    root: Annotated[Path, typer.Option(help="The folder the files come to.")],
    file_list: Annotated[
        Path | None, typer.Option("--list", help="CSV or YAML: url, path, sha256.")
    ] = None,
    manifest_out: Annotated[
        Path | None, typer.Option(help="Default: ROOT/fetch_manifest.json.")
    ] = None,
    unpack: Annotated[bool, typer.Option("--unpack", help="Unpack archives in the root.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """See HELP."""
    from vmafkit import api

    with output.frames_shown("vmaf-train", quiet=quiet) as on_progress:
        made = api.fetch_dataset(
            dataset,
            root,
            file_list=file_list,
            manifest_out=manifest_out,
            unpack=unpack,
            argv=sys.argv[1:],
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(made)
    else:
        for each in made["files"]:
            output.result(f"{each['path']}: {each['bytes']} bytes, sha256 {each['sha256']}")
    return 0
