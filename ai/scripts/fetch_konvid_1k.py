"""Fetch KoNViD-1k; a thin call of `vmafkit.api.fetch_dataset`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--list", type=Path, help="CSV or YAML with url, path, sha256")
    parser.add_argument("--manifest-out", type=Path, help="default: ROOT/fetch_manifest.json")
    options = parser.parse_args()
    from vmafkit import api
    from vmafkit.cli import output

    made = api.fetch_dataset(
        "konvid-1k",
        options.root,
        file_list=options.list,
        manifest_out=options.manifest_out,
        unpack=True,
        entrypoint="ai/scripts/fetch_konvid_1k.py",
        argv=sys.argv[1:],
    )
    output.result(f"{len(made['files'])} files")
    return 0


if __name__ == "__main__":
    from vmafkit.cli.output import run_command

    raise SystemExit(run_command("fetch_konvid_1k", main))
