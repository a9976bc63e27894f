"""The verb `fetch` of `vmaf-train`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.learn import datasets
from vmafkit.learn.datasets.tables import known_fields, read_records, text_of
from vmafkit.learn.fetch import Wanted, fetch_all
from vmafkit.learn.provenance import describe_run
from vmafkit.learn.unpack import unpack as unpack_archive
from vmafkit.schema.fetch_manifest import FetchManifest

MANIFEST_NAME = "fetch_manifest.json"
_FIELDS = frozenset(("url", "path", "sha256"))
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
_NOT_ARGS = ("argv", "on_progress")


def fetch_dataset(
    dataset: str,
    root: str | Path,
    *,
    file_list: str | Path | None = None,
    manifest_out: str | Path | None = None,
    unpack: bool = False,
    entrypoint: str = "vmaf-train fetch",
    argv: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Fetch a data set's files into a folder, and write down what came.

    Args:
        file_list: CSV or YAML (under `files`) with `url`, `path` and, where it is known,
            `sha256`. No address is built in, since none could be checked.
        manifest_out: None for `fetch_manifest.json` in the root.
        unpack: unpack archives into the root.
        on_progress: told (bytes so far, bytes in all) of the current file.

    Returns:
        The manifest, JSON-ready.

    Raises:
        UsageError: nothing to fetch is named, or an address is none.
        Refused, TooLarge, ToolFailed, ResultInvalid: a file is not accepted.
        StoreError, OutputError: a file cannot be written.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    known = datasets.get(dataset)
    wanted = _wanted(known, None if file_list is None else Path(file_list))
    folder = Path(root)

    def tell(path: str, done: int, total: int | None) -> None:
        del path
        if on_progress is not None:
            on_progress(done, total or done)

    files = fetch_all(wanted, folder, on_bytes=tell)
    if unpack:
        for each in files:
            if each.path.lower().endswith(_ARCHIVES):
                unpack_archive(folder / each.path, folder)
    target = Path(manifest_out) if manifest_out else folder / MANIFEST_NAME
    inputs = {} if file_list is None else {"list": Path(file_list)}
    manifest = FetchManifest.model_validate(
        {
            "schema": "vmafkit.fetch_manifest.v1",
            "dataset": dataset,
            "licence": known.licence,
            "root": str(folder),
            "fetched_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": [each.model_dump() for each in files],
            "run_provenance": describe_run(
                entrypoint,
                Path(__file__),
                args,
                inputs=inputs,
                outputs={each.path: folder / each.path for each in files},
                argv=argv,
            ),
        }
    ).record()
    fsio.write_atomic(
        target, json.dumps(manifest, indent=2, allow_nan=False) + "\n", user_output=True
    )
    return manifest


def _wanted(known: datasets.Dataset, file_list: Path | None) -> list[Wanted]:
    if file_list is None:
        raise UsageError(
            f"no address of {known.name} is built in",
            hint="give --list FILE.csv with url, path and sha256, from the publisher's page",
        )
    wanted: list[Wanted] = []
    for number, record in enumerate(read_records(file_list, "files"), start=1):
        where = f"file {number} of {file_list.name}"
        known_fields(record, _FIELDS, where)
        sha256 = str(record.get("sha256") or "")
        wanted.append(Wanted(text_of(record, "url", where), text_of(record, "path", where), sha256))
    return wanted
