"""Makes a whole title of chosen shots, scores it once, and remembers the score."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vmafkit.decide.per_shot import Aim, Title
from vmafkit.decide.shots import Allocation, ShotSetting
from vmafkit.errors import TargetUnreached
from vmafkit.execute.encode import Encode
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.join import Joined, join
from vmafkit.execute.measuring import score_cell
from vmafkit.execute.per_shot import (
    FloatArray,
    Shots,
    allocate,
    column_of,
    frames_of,
    measure_shots,
    title_of,
    whole_setup,
)
from vmafkit.scoring.score import Score
from vmafkit.store.trials import TrialRecord

ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Made:
    """A title of chosen shots.

    Attributes:
        title: measured on the joined file.
        chosen: the setting of each segment.
        shot_scores: the mean of each shot, in the joined file.
        joined: the file; None where the store knew its score.
    """

    title: Title
    chosen: tuple[ShotSetting, ...]
    shot_scores: tuple[float, ...]
    joined: Joined | None = None


def make_title(work: Shots, aim: Aim, allocation: Allocation, output: Path) -> Made:
    """Join the chosen segments and score the whole, or take its score from the store."""
    chosen = allocation.chosen
    key = _key(work, chosen)
    store = work.setup.bench.store
    record = store.get(key)
    if record is not None and record.frames is not None:
        frames = frames_of(record.frames, _column(work, chosen))
        bits = int(json.loads(record.row_json)["video_bits"])
        return Made(*_titled(work, aim, chosen, frames, bits))
    joined = join_title(work, chosen, output)
    cell = whole_setup(work.setup).cells(chosen[0].value)[0]
    encode = Encode(joined.path, joined.source, joined.concat_words, None, 0.0, 0.0)
    score = score_cell(work.setup.bench, cell, encode)
    frames = np.asarray(score.columns[_column(work, chosen)], dtype=np.float64)
    bits = joined.source.video_bits
    made = Made(*_titled(work, aim, chosen, frames, bits), joined)
    store.put(
        TrialRecord(
            key=key,
            source_sha256=f"joined:{cell.spec.source_sha256}",
            # No encoder's name: what looks for trials of one must not find a title of many.
            encoder=f"joined:{cell.spec.encoder}",
            preset=cell.spec.preset,
            quality=chosen[0].value,
            spec_json=json.dumps({"segments": _segments(work, chosen)}),
            row_json=json.dumps({"video_bits": bits}),
            frames=_parquet(score),
        )
    )
    return made


def joined_frames(work: Shots, made: Made) -> FloatArray | None:
    """The scores of a title's frames; None where the store has lost them."""
    record = work.setup.bench.store.get(_key(work, made.chosen))
    if record is None or record.frames is None:
        return None
    return frames_of(record.frames, _column(work, made.chosen))


def join_title(work: Shots, chosen: tuple[ShotSetting, ...], output: Path) -> Joined:
    """Encode the chosen segments where they are not on disk, and join them."""
    measure_shots(work, [(n, s.value) for n, s in enumerate(chosen)], keep=True)
    segments = [work.segment(number, setting.value) for number, setting in enumerate(chosen)]
    return join(work.setup.bench, segments, work.shots, work.times_s, output)


def best_title(
    work: Shots, aim: Aim, tolerance: float, on_event: OnEvent = ignore
) -> tuple[Made | None, list[Made]]:
    """(the cheapest title that reaches the aim, every one made), correcting from measurements.

    A shot scores a little otherwise within the title, so the allocation's target is shifted by
    what the joined file misses or has to spare.
    """
    made: list[Made] = []
    shift = 0.0
    for number in range(ROUNDS):
        try:
            allocation = allocate(work, aim.shifted(shift), on_event)
        except TargetUnreached:
            if not made:
                raise
            break
        values = [setting.value for setting in allocation.chosen]
        if any([s.value for s in each.chosen] == values for each in made):
            break
        made.append(make_title(work, aim, allocation, title_path(work, number)))
        spare = made[-1].title.reached - aim.target
        on_event(
            Event("title-finished", {"round": number + 1, "score": made[-1].title.reached,
                                     "bits": made[-1].title.bits})
        )  # fmt: skip
        if 0.0 <= spare <= tolerance:
            break
        # A fifth of the tolerance keeps the next one on the right side.
        shift -= spare - tolerance / 5
    good = [each for each in made if each.title.reached >= aim.target]
    return min(good, key=lambda each: each.title.bits, default=None), made


def title_path(work: Shots, number: int) -> Path:
    """Where the title of a round is joined."""
    folder = work.setup.bench.scratch or work.folder
    return folder / f"title{number}.{work.setup.encoder.container}"


def _titled(
    work: Shots, aim: Aim, chosen: tuple[ShotSetting, ...], frames: FloatArray, bits: int
) -> tuple[Title, tuple[ShotSetting, ...], tuple[float, ...]]:
    title, each = title_of(work.single_shots, aim, frames, bits)
    return title, chosen, each


def _column(work: Shots, chosen: tuple[ShotSetting, ...]) -> str:
    return column_of(work.setup, whole_setup(work.setup).cells(chosen[0].value)[0])


def _segments(work: Shots, chosen: tuple[ShotSetting, ...]) -> list[str]:
    return [work.cell(number, setting.value).spec.key for number, setting in enumerate(chosen)]


def _key(work: Shots, chosen: tuple[ShotSetting, ...]) -> str:
    """Of everything that the score depends on: each segment's trial, scorer included."""
    words = ["joined", *_segments(work, chosen)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _parquet(score: Score) -> bytes:
    buffer = io.BytesIO()
    score.table().write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
