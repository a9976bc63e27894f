"""Per-frame features and the teacher's score of one pair, in one pass of libvmaf."""

from __future__ import annotations

import io
import threading
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from vmafkit import encoders, fsio
from vmafkit.decide.sweep import Grid, Known, Scoring, make_cell
from vmafkit.errors import ResultInvalid, StoreCorrupt, UsageError
from vmafkit.execute.cluster.scores import score_somewhere
from vmafkit.execute.room import Room, pair_bytes
from vmafkit.execute.toolchain import toolchain
from vmafkit.execute.trial import Bench, run_trial
from vmafkit.ffmpeg.capabilities import Capabilities
from vmafkit.ffmpeg.run import Job
from vmafkit.learn.cache import FrameCache, cache_key
from vmafkit.learn.datasets.base import FilePair
from vmafkit.learn.distortions import Setting
from vmafkit.learn.feature_sets import FeatureSet, log_names
from vmafkit.learn.making import Prepared, filtered
from vmafkit.media.hashing import HashCache, content_hash
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry
from vmafkit.proc import Limits
from vmafkit.scoring.pair import Pair, Scorer
from vmafkit.scoring.score import ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel
from vmafkit.store.trials import TrialStore

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Lab:
    """What features are computed with.

    Attributes:
        capabilities: of the ffmpeg.
        scorer: that ffmpeg, or the vmaf tool.
        scorer_sha256: of the program that computes the scores.
        store: of trials, for the pairs we encode ourselves.
        cache: of per-frame tables, for all others.
        hashes: of files.
        teacher: the model whose score is the target.
        features: the set that is extracted.
        limits, cancel: of each process.
        room: the memory that pairs share.
    """

    capabilities: Capabilities
    scorer: Scorer
    scorer_sha256: str
    store: TrialStore
    cache: FrameCache
    hashes: HashCache
    teacher: VmafModel
    features: FeatureSet
    limits: Limits = field(default_factory=Limits)
    cancel: threading.Event = field(default_factory=threading.Event)
    room: Room = field(default_factory=Room)

    @property
    def job(self) -> Job:
        """How processes are watched."""
        return Job(cancel=self.cancel, limits=self.limits)


def frames_of_pair(lab: Lab, pair: FilePair) -> tuple[pl.DataFrame, bool]:
    """The table of two files, from the cache or scored now; and whether it was known.

    A distorted side of another size is scaled to the reference's, bicubic.

    Raises:
        InputError, ToolFailed, ResultInvalid, Cancelled: as `score_pair`.
    """
    facts = {
        "reference": content_hash(pair.reference, lab.hashes),
        "distorted": content_hash(pair.distorted, lab.hashes),
        "raw": [_raw_words(pair.reference_raw), _raw_words(pair.distorted_raw)],
        **_facts(lab),
    }
    key = cache_key(facts)
    known = lab.cache.get(key)
    if known is not None:
        return known, True
    reference = open_source(pair.reference, raw=pair.reference_raw)
    distorted = open_source(pair.distorted, raw=pair.distorted_raw)
    table = _scored(lab, Pair(reference, distorted))
    lab.cache.put(key, table)
    return table, False


def frames_of_filter(lab: Lab, clip: Prepared, label: str, text: str) -> tuple[pl.DataFrame, bool]:
    """The table of a clip against itself behind a filter of ours.

    Raises:
        InputError, ToolFailed, ResultInvalid, Cancelled: as `score_pair`.
    """
    key = cache_key({"reference": clip.sha256, "filter": text, "label": label, **_facts(lab)})
    known = lab.cache.get(key)
    if known is not None:
        return known, True
    with fsio.scratch_folder() as folder:
        made = filtered(lab.scorer.program, clip, text, folder, lab.job)
        table = _scored(lab, Pair(clip.source, open_source(made)))
    lab.cache.put(key, table)
    return table, False


def frames_of_setting(lab: Lab, clip: Prepared, setting: Setting) -> tuple[pl.DataFrame, bool]:
    """The table of a clip against its encode, which is a trial of the common store.

    Raises:
        UsageError: the encoder does not take the clip's size or format.
        VmafkitError: the trial failed.
    """
    if lab.scorer.vmaf_binary is not None:
        raise UsageError(
            "--vmaf-binary scores pairs of files only",
            hint="leave it out where our encoders make the distorted side",
        )
    encoder = encoders.get(setting.encoder)
    scoring = Scoring(
        models=(lab.teacher,),
        model_keys=(lab.teacher.id,),
        features=lab.features.requests(lab.teacher.id),
    )
    cell = make_cell(
        Known(clip.source, clip.sha256),
        (encoder, setting.preset, setting.quality),
        Grid((encoder,), threads=1),
        scoring,
        toolchain(lab.capabilities, encoder, timeout_s=lab.limits.wall_s),
    )
    if setting.scale != 1.0:
        size = even_size(clip.source.display_size, setting.scale)
        cell = replace(cell, spec=replace(cell.spec, scale=size))
    bench = Bench(
        program=lab.scorer.program,
        version=lab.capabilities.version,
        store=lab.store,
        score_threads=1,
        limits=lab.limits,
        cancel=lab.cancel,
    )
    with lab.room.taken(pair_bytes(clip.source, clip.source), lab.cancel):
        trial = run_trial(bench, cell)
    record = lab.store.get(cell.spec.key)
    if record is None or record.frames is None:
        raise StoreCorrupt("the trial store lost a trial that it just held")
    import polars as pl

    return _picked(lab, pl.read_parquet(io.BytesIO(record.frames))), trial.known


def fits(setting: Setting, size: tuple[int, int]) -> str:
    """Why an encoder does not take pictures of this size, or an empty text."""
    step = encoders.get(setting.encoder).size_multiple_px
    for width, height in (size, even_size(size, setting.scale)):
        if width % step or height % step:
            return f"{setting.encoder} takes sizes in multiples of {step}, not {width}x{height}"
    return ""


def even_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """A size scaled and rounded to even numbers."""
    width, height = (max(2, round(value * scale / 2) * 2) for value in size)
    return width, height


def _scored(lab: Lab, pair: Pair) -> pl.DataFrame:
    size = pair.reference.display_size
    request = ScoreRequest(
        models=(lab.teacher,),
        features=lab.features.requests(lab.teacher.id),
        display=None if size == pair.distorted.display_size else size,
        threads=1,
    )
    with lab.room.taken(pair_bytes(pair.reference, pair.distorted), lab.cancel):
        score = score_somewhere(lab.scorer, pair, request, lab.job)
    return _picked(lab, score.table())


def _picked(lab: Lab, table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    chosen = [pl.col("frame").alias("frame_index")]
    for column in lab.features.columns:
        name = next((each for each in log_names(column) if each in table.columns), None)
        if name is None:
            raise ResultInvalid(f"libvmaf gave no feature {column}")
        chosen.append(pl.col(name).alias(column))
    return table.select(*chosen, pl.col(lab.teacher.id).alias("vmaf"))


def _facts(lab: Lab) -> dict[str, object]:
    return {
        "teacher": lab.teacher.id,
        "columns": list(lab.features.columns),
        "extractors": [asdict(each) for each in lab.features.requests(lab.teacher.id)],
        "scorer": lab.scorer_sha256,
        "scorer_version": lab.scorer.tool_version,
    }


def _raw_words(raw: RawGeometry | None) -> list[str] | None:
    return [str(raw.width), str(raw.height), raw.pix_fmt] if raw else None
