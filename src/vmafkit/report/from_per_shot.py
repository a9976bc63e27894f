"""A title with a setting for each shot as a report."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from vmafkit.decide.hull import RatePoint
from vmafkit.report.data import (
    FramePair,
    FrameQuality,
    RateCurve,
    RateQuality,
    ReportData,
    ShotQuality,
    Table,
)
from vmafkit.report.text import Cell
from vmafkit.schema.per_shot import PerShotResult, ShotRecord, TitleRecord

_MOST_CURVES = 12
_COLUMNS_OF_TITLES = ("what", "setting", "score", "mean", "worst shot", "kbps", "bytes")


def per_shot_report(
    found: PerShotResult, frames: Sequence[float] = (), pictures: Sequence[FramePair] = ()
) -> ReportData:
    """Both titles side by side, the shots, and where each shot's setting lies on its curve.

    Args:
        frames: scores of all frames of the title that is kept, where they are known.
        pictures: its worst frames, where there is a file of it.
    """
    knob = found.quality_knob
    titles = [
        _title(name, title, knob)
        for name, title in (("setting by shot", found.per_shot), ("best single", found.single))
        if title is not None
    ]
    tables = [Table("By shot and with one setting", _COLUMNS_OF_TITLES, tuple(titles))]
    return ReportData(
        title=f"{found.encoder} {found.preset} by shot for {found.target}",
        lead=_sentence(found),
        highlights=_highlights(found),
        facts=(
            ("source", found.source),
            ("mode", found.mode),
            ("target", found.target),
            ("frames", str(found.frames)),
            ("trials", f"{found.trials_measured} measured, {found.trials_known} known before"),
        ),
        frame_quality=FrameQuality.of(
            f"Frame by frame, {'one setting' if found.kept == 'single' else 'by shot'}",
            found.target.partition(">=")[0].partition(":")[0],
            frames,
            [shot.start_frame for shot in found.shots] if len(found.shots) > 1 else (),
            pictures,
        ),
        worst_frames=tuple(pictures),
        shot_quality=_along(found),
        rate_quality=_figures(found),
        tables=(*(tables if titles else []), _shots(found)),
        versions=(
            *((name, value) for name, value in found.versions.items() if value),
            ("model", found.model),
        ),
        commands=(
            *map(shlex.join, found.segment_commands),
            *([shlex.join(found.concat_command)] if found.concat_command else []),
        ),
        notes=tuple(found.notes),
    )


def _measured(found: PerShotResult) -> bool:
    """Whether more is known than where the shots lie."""
    return bool(found.per_shot or found.single or any(shot.probes for shot in found.shots))


def _sentence(found: PerShotResult) -> str:
    if found.shots and not _measured(found):
        return f"The source has {len(found.shots)} shots. Nothing was encoded."
    if found.kept is None:
        return found.reason or "Nothing reaches the target."
    kept = "A setting for each shot" if found.kept == "per-shot" else "The single setting"
    change = found.change_at_equal_score_percent
    share = "" if change is None else f"; by shot the bits change by {change:+.1f} % at equal score"
    reason = f"{found.reason[:1].upper()}{found.reason[1:]}." if found.reason else ""
    return f"{kept} is kept{share}. {reason}".strip()


def _highlights(found: PerShotResult) -> tuple[tuple[str, str], ...]:
    if found.shots and not _measured(found):
        return (("shots", str(len(found.shots))),)
    change, best = found.change_at_equal_score_percent, found.per_shot
    if found.kept == "single":
        best = found.single
    named = (
        ("kept", {"per-shot": "by shot", "single": "one setting"}.get(found.kept or "", "nothing")),
        ("bits by shot at equal score", "" if change is None else f"{change:+.1f} %"),
        ("mean", "" if best is None else f"{best.mean:.2f}"),
        ("worst shot", "" if best is None else f"{best.worst_shot:.2f}"),
        ("kbps", "" if best is None else f"{best.bitrate_kbps:.0f}"),
    )
    return tuple((name, value) for name, value in named if value)


def _title(name: str, title: TitleRecord, knob: str) -> tuple[Cell, ...]:
    setting = "its own for each shot" if title.crf is None else f"{knob} {title.crf:g}"
    return (name, setting, title.score, title.mean, title.worst_shot, title.bitrate_kbps,
            title.video_bytes)  # fmt: skip


def _shots(found: PerShotResult) -> Table:
    places = ("shot", "first frame", "frames")
    if not _measured(found):
        rows = tuple((shot.shot_id, shot.start_frame, shot.frames) for shot in found.shots)
        return Table("Shots", places, rows)
    columns = (*places, found.quality_knob, "score", "score with the single setting", "kbps",
               "probes")  # fmt: skip
    return Table("Shots", columns, tuple(_shot(shot, found.framerate) for shot in found.shots))


def _shot(shot: ShotRecord, frames_per_s: float) -> tuple[Cell, ...]:
    kbps = None if shot.video_bits is None else _kbps(shot.video_bits, shot.frames, frames_per_s)
    return (shot.shot_id, shot.start_frame, shot.frames, shot.crf, shot.score, shot.score_single,
            kbps, len(shot.probes))  # fmt: skip


def _along(found: PerShotResult) -> tuple[ShotQuality, ...]:
    """What each shot scores in the joined file, and with the single setting."""
    ways = (("by shot", [shot.score for shot in found.shots]),
            ("one setting", [shot.score_single for shot in found.shots]))  # fmt: skip
    series = [
        (name, tuple(score for score in scores if score is not None)) for name, scores in ways
    ]
    whole = tuple(each for each in series if each[1] and len(each[1]) == len(found.shots))
    if not whole or len(found.shots) < 2:
        return ()
    bounds = (*(shot.start_frame for shot in found.shots), found.shots[-1].end_frame)
    metric = f"{found.model} mean of the shot"
    return (ShotQuality("Shot by shot", metric, bounds, whole, found.target_vmaf),)


def _figures(found: PerShotResult) -> tuple[RateQuality, ...]:
    """The curves of the first shots; more of them cannot be told apart."""
    shots = [shot for shot in found.shots if shot.probes][:_MOST_CURVES]
    if not shots:
        return ()
    more = "" if len(shots) == len(found.shots) else f" (the first {len(shots)})"
    chosen: list[RatePoint] = []
    curves: list[RateCurve] = []
    for shot in shots:
        points = [
            RatePoint(_kbps(p.video_bits, shot.frames, found.framerate), p.score,
                      f"{found.quality_knob} {p.crf:g}")
            for p in shot.probes
        ]  # fmt: skip
        points.sort(key=lambda point: point.bitrate_kbps)
        curves.append(RateCurve(f"shot {shot.shot_id}", tuple(points)))
        if shot.crf is not None:
            name = f"{found.quality_knob} {shot.crf:g}"
            chosen += [point for point in points if point.key == name][:1]
    metric = f"{found.model} mean of the shot"
    section = RateQuality(f"Quality over bitrate by shot{more}", metric, tuple(curves), (),
                          tuple(chosen))  # fmt: skip
    return (section,)


def _kbps(bits: int, frames: int, frames_per_s: float) -> float:
    return bits * frames_per_s / frames / 1000
