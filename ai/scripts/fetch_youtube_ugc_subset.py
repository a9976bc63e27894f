"""Fetch a subset of YouTube-UGC from a list, and write its manifest of stems.

The manifest `{stem: {orig, cbr, vod, vodlb: path}}` lies in the root as manifest.json; what was
fetched from where is in `<manifest>.run-manifest.json`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

NAME = re.compile(r"(?P<stem>.+)_(?P<kind>orig|cbr|vod|vodlb)\.\w+", re.ASCII)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--list", type=Path, required=True, help="CSV or YAML: url, path, sha256")
    parser.add_argument("--manifest", type=Path, help="default: ROOT/manifest.json")
    parser.add_argument("--run-manifest-out", type=Path)
    options = parser.parse_args()
    from vmafkit import api, fsio
    from vmafkit.cli import output

    manifest = options.manifest or options.root / "manifest.json"
    made = api.fetch_dataset(
        "youtube-ugc",
        options.root,
        file_list=options.list,
        manifest_out=options.run_manifest_out
        or manifest.with_name(f"{manifest.name}.run-manifest.json"),
        entrypoint="ai/scripts/fetch_youtube_ugc_subset.py",
        argv=sys.argv[1:],
    )
    stems: dict[str, dict[str, str]] = {}
    for each in made["files"]:
        parts = NAME.fullmatch(Path(each["path"]).name)
        if parts is not None:
            stems.setdefault(parts["stem"], {})[parts["kind"]] = each["path"]
    fsio.write_atomic(manifest, json.dumps(stems, indent=2) + "\n", user_output=True)
    output.result(f"{len(made['files'])} files of {len(stems)} clips")
    return 0


if __name__ == "__main__":
    from vmafkit.cli.output import run_command

    raise SystemExit(run_command("fetch_youtube_ugc_subset", main))
