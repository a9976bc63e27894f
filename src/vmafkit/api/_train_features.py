"""The verb `extract-features` of `vmaf-train`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vmafkit import fsio, settings
from vmafkit.errors import StoreError, UsageError
from vmafkit.execute.room import room_here
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.learn import datasets
from vmafkit.learn.cache import FrameCache
from vmafkit.learn.datasets.base import Listing, Query
from vmafkit.learn.distortions import RECIPES
from vmafkit.learn.extraction import Lab
from vmafkit.learn.feature_sets import TEACHER, feature_set
from vmafkit.learn.features import Extraction, extract
from vmafkit.learn.parquet import write_parquet
from vmafkit.learn.provenance import describe_run
from vmafkit.learn.tables import clip_means
from vmafkit.media.timing import rate_from
from vmafkit.proc import Limits
from vmafkit.scoring import vmaf_binary as vmaf_tool
from vmafkit.scoring.pair import Scorer
from vmafkit.scoring.vmaf_models import model_by_id
from vmafkit.store.hashes import StoredHashes
from vmafkit.store.trials import TrialStore

MANIFEST_NAME = "vmafkit.feature_manifest.v1"
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Extracted:
    """What `extract_features` made.

    Attributes:
        output: the per-frame table.
        clips_output: the table of clip means.
        manifest: what is in them, and how they came about.
        rows, pairs, known: frames and pairs in the table, and pairs computed before.
        failed: key and cause of pairs that could not be used.
        skipped: what was left out on purpose.
    """

    output: Path
    clips_output: Path
    manifest: Path
    rows: int
    pairs: int
    known: int
    failed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


def extract_features(
    dataset: str,
    output: str | Path,
    *,
    data_root: str | Path | None = None,
    konvid_root: str | Path | None = None,
    pairs: str | Path | None = None,
    features_set: str = "canonical-6",
    teacher: str = TEACHER,
    recipe: str = "full",
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
    vmaf_binary: str | Path | None = None,
    ffmpeg_bin: str | Path | None = None,
    workers: int | None = None,
    timeout_s: float | None = None,
    cache_beside: bool = True,
    argv: Sequence[str] = (),
    cancel: threading.Event | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Extracted:
    """Extract features and the teacher's score of every pair of a data set into Parquet.

    Beside `NAME.parquet` come `NAME.clips.parquet` with the means of each clip, and
    `NAME.parquet.manifest.json`.

    Args:
        dataset: a name of `learn.datasets.TABLE`.
        data_root: of the data; wins over VMAF_DATA_ROOT.
        konvid_root: of konvid-1k; wins over VMAF_KONVID_1K_DIR.
        pairs: a CSV or YAML list, for `generic` and `clips`.
        features_set: a name of `learn.feature_sets.TABLE`.
        teacher: the model whose score becomes the column `vmaf`.
        recipe: how distorted sides are made of pristine clips.
        width, height, pix_fmt, framerate: of raw files.
        workers: pairs at once; None for as many as there are cores and memory for.
        timeout_s: bound on each process, in seconds.
        cache_beside: keep features where the data set has a folder for them; False for the user's
            cache, so that nothing is written beside the data.

    Raises:
        UsageError, InputError, ToolMissing: something named is wrong or not here.
        OutputError, StoreError: the output or the caches cannot be written.
        Cancelled: stopped; a later call goes on where this one was.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    target = Path(output)
    if target.suffix != ".parquet":
        raise UsageError(f"--output {target} does not end in .parquet")
    if recipe not in RECIPES:
        raise UsageError(f"--recipe {recipe} is not known", hint=f"one of {', '.join(RECIPES)}")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} is below 1")
    query = Query(
        root=None if data_root is None else Path(data_root),
        own_root=None if konvid_root is None else Path(konvid_root),
        table=None if pairs is None else Path(pairs),
        width=width,
        height=height,
        pix_fmt=pix_fmt,
        framerate=_rate(framerate),
    )
    listing = datasets.get(dataset).find(query)
    if not cache_beside:
        listing = replace(listing, cache_folder=None)
    folder = settings.cache_folder()
    fsio.ensure_folder(target.absolute().parent)
    fsio.refuse_same_file(target, [pair.distorted for pair in listing.pairs])
    with TrialStore(folder) as store:
        lab = _lab(
            listing, store, features_set, teacher, vmaf_binary, ffmpeg_bin, timeout_s, cancel
        )
        lab = lab if workers else replace(lab, room=room_here())
        found = extract(
            lab,
            listing,
            recipe=recipe,
            work_folder=folder / "made",
            workers=workers or settings.core_count(),
            on_pair=on_progress,
        )
    return _written(target, found, lab, args, argv)


_NOT_ARGS = ("argv", "cancel", "on_progress")


def _rate(text: str | None) -> Fraction | None:
    try:
        return None if text is None else rate_from(text)
    except ValueError:
        raise UsageError(
            f"--framerate {text} is not a rate", hint="write 25 or 30000/1001"
        ) from None


def _lab(
    listing: Listing,
    store: TrialStore,
    features_set: str,
    teacher: str,
    vmaf_binary: str | Path | None,
    ffmpeg_bin: str | Path | None,
    timeout_s: float | None,
    cancel: threading.Event | None,
) -> Lab:
    program = find_ffmpeg(ffmpeg_bin)
    capabilities = read_capabilities(program)
    if vmaf_binary is None:
        capabilities.require_libvmaf()
        scorer, sha256 = Scorer(program, capabilities.version), capabilities.sha256
    else:
        tool = vmaf_tool.find_vmaf(vmaf_binary)
        scorer = Scorer(program, vmaf_tool.read_version(tool), tool)
        sha256 = fsio.sha256_file(tool)
    cache_folder = settings.cache_folder()
    return Lab(
        capabilities=capabilities,
        scorer=scorer,
        scorer_sha256=sha256,
        store=store,
        cache=FrameCache(_cache_folder(listing, cache_folder), listing.cache_name),
        hashes=StoredHashes(cache_folder),
        teacher=model_by_id(teacher),
        features=feature_set(features_set),
        limits=Limits(wall_s=timeout_s),
        cancel=cancel or threading.Event(),
    )


def _cache_folder(listing: Listing, user: Path) -> Path:
    """The data set's own cache folder; the user's where that cannot be made."""
    if listing.cache_folder is not None:
        try:
            fsio.ensure_folder(listing.cache_folder)
            return listing.cache_folder
        except StoreError:
            pass
    fsio.ensure_folder(user / "features")
    return user / "features"


def _written(
    target: Path, found: Extraction, lab: Lab, args: dict[str, Any], argv: Sequence[str]
) -> Extracted:
    clips = target.with_name(f"{target.stem}.clips.parquet")
    manifest = target.with_name(f"{target.name}.manifest.json")
    write_parquet(found.rows, target, user_output=True)
    write_parquet(clip_means(found.rows), clips, user_output=True)
    versions = {"ffmpeg": lab.capabilities.version, "scorer": lab.scorer.tool_version}
    record = {
        "schema": MANIFEST_NAME,
        "dataset": args["dataset"],
        "feature_set": lab.features.name,
        "features": list(lab.features.columns),
        "teacher": lab.teacher.id,
        "pairs": found.pairs,
        "known": found.known,
        "rows": found.rows.height,
        "sources": sorted(set(found.rows["source"].to_list())),
        "failed": [{"key": key, "cause": cause} for key, cause in found.failed],
        "skipped": list(found.skipped[:_SHOWN]),
        "skipped_count": len(found.skipped),
        "run_provenance": describe_run(
            "vmaf-train extract-features",
            Path(__file__),
            args,
            inputs={"scorer": lab.scorer.vmaf_binary or lab.scorer.program},
            outputs={"features": target, "clips": clips},
            argv=argv,
            versions=versions,
        ),
    }
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    fsio.write_atomic(manifest, text, user_output=True)
    return Extracted(
        target, clips, manifest, found.rows.height, found.pairs, found.known,
        found.failed, found.skipped,
    )  # fmt: skip
