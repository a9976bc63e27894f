"""Turns what `tune-per-shot` found into the record that users and programs read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from vmafkit.api._finishing import Finished
from vmafkit.api._recommendation import scored_with
from vmafkit.api._searching import Ready
from vmafkit.api._segments import concat_command, segment_commands
from vmafkit.api._words import source_notes
from vmafkit.decide.per_shot import Aim, Title, at_score
from vmafkit.execute.per_shot import Shots, Single
from vmafkit.execute.title import Made
from vmafkit.media.hashing import show
from vmafkit.schema.per_shot import PerShotResult, ShotProbe, ShotRecord, TitleRecord
from vmafkit.version import __version__


@dataclass(slots=True)
class Outcome:
    """All that was measured.

    Attributes:
        first: the shots with their measured settings.
        work: the same after those were merged whose cut does not pay.
        made: the joined title that counts; None where none reaches the aim.
        rounds: every one that was made.
        single: the best single setting; None before it was searched.
        final: the file that was written.
        segment_dir: the folder of the segments; None where none was named.
    """

    ready: Ready
    first: Shots
    aim: Aim
    work: Shots
    made: Made | None = None
    rounds: list[Made] = field(default_factory=list[Made])
    single: Single | None = None
    final: Finished | None = None
    segment_dir: Path | None = None

    @property
    def best(self) -> Made | None:
        """The joined title that the record is about: that which counts, else the last one."""
        return self.made or (self.rounds[-1] if self.rounds else None)


def result_record(outcome: Outcome, kept: str | None, reason: str) -> PerShotResult:
    """The record of what was found.

    Args:
        kept: `per-shot`, `single` or None.
    """
    ready, setup = outcome.ready, outcome.work.setup
    target = ready.targets[0]
    best = outcome.best
    single = outcome.single.title if outcome.single else None
    change, equal = _changes(outcome, best)
    value = best.chosen[0].value if best else outcome.single and outcome.single.quality
    return PerShotResult(
        source=show(ready.source.path),
        encoder=setup.encoder.name,
        preset=setup.preset,
        quality_knob=setup.encoder.quality.knob,
        mode=outcome.aim.mode,
        target=str(target),
        target_vmaf=target.value if target.metric == "vmaf" else None,
        worst=outcome.aim.worst,
        model=ready.models[0].id,
        framerate=float(ready.source.framerate),
        frames=ready.source.frame_count,
        shots=_shots(outcome, best),
        per_shot=_title(ready, best.title, None) if best else None,
        single=_title(ready, single, outcome.single.quality if outcome.single else None)
        if single
        else None,
        change_percent=change,
        change_at_equal_score_percent=equal,
        kept=cast('Literal["per-shot", "single"] | None', kept),
        met=kept is not None,
        reason=reason,
        rounds=[_title(ready, each.title, None) for each in outcome.rounds],
        segment_commands=segment_commands(outcome.work, best, outcome.segment_dir),
        concat_command=concat_command(outcome.work, best, outcome.segment_dir),
        trials_measured=outcome.work.fresh,
        trials_known=outcome.work.known,
        output=outcome.final and outcome.final.record(),
        versions={
            "vmafkit": __version__,
            "ffmpeg": ready.capabilities.version,
            **scored_with(setup, value),
        },
        notes=source_notes(ready.source),
    )


def _title(ready: Ready, title: Title, crf: float | None) -> TitleRecord:
    seconds = ready.source.duration_s
    return TitleRecord(
        score=title.reached,
        mean=title.mean,
        worst_shot=title.worst,
        bitrate_kbps=title.bits / seconds / 1000 if seconds else 0.0,
        video_bytes=round(title.bits / 8),
        crf=crf,
    )


def _changes(outcome: Outcome, best: Made | None) -> tuple[float | None, float | None]:
    single = outcome.single
    if best is None or single is None or single.title is None:
        return None, None
    bits = at_score(list(single.titles.values()), best.title.reached)
    return (
        100.0 * (best.title.bits / single.title.bits - 1.0),
        100.0 * (best.title.bits / bits - 1.0) if bits else None,
    )


def _shots(outcome: Outcome, best: Made | None) -> list[ShotRecord]:
    single, work = outcome.single, outcome.work
    segments = [number for number, part in enumerate(work.parts) for _ in part]
    records: list[ShotRecord] = []
    for number, shot in enumerate(outcome.first.shots):
        known, segment = outcome.first.measured[number], segments[number]
        is_own = len(work.parts[segment]) == 1
        # A shot's own probes go on after the others were merged.
        known = {**known, **work.measured[segment]} if is_own else known
        records.append(
            ShotRecord(
                shot_id=number,
                start_frame=shot.start_frame,
                end_frame=shot.end_frame,
                frames=shot.frames,
                segment=segment,
                crf=best.chosen[segment].value if best else None,
                score=best.shot_scores[number] if best else None,
                score_single=single.shot_scores[number] if single and single.shot_scores else None,
                video_bits=round(best.chosen[segment].bits) if best and is_own else None,
                probes=[
                    ShotProbe(crf=each.value, score=each.quality, video_bits=round(each.bits))
                    for _, each in sorted(known.items())
                ],
            )
        )
    return records
