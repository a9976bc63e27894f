"""Shows to people what per-shot tuning and zones did."""

from __future__ import annotations

from vmafkit.schema.per_shot import PerShotResult, TitleRecord
from vmafkit.schema.zones import ZonesResult


def per_shot_text(found: PerShotResult) -> str:
    """A table of the shots, the two titles, and which is kept."""
    lines = [f"{found.source}: {found.encoder} {found.preset}, {found.mode}, {found.target}"]
    lines.append(f"  {'shot':>5} {'frames':>15} {found.quality_knob:>7} {'score':>8} {'single':>8}")
    for shot in found.shots:
        span = f"{shot.start_frame}..{shot.end_frame - 1}"
        numbers = (_number(shot.score), _number(shot.score_single))
        value = "" if shot.crf is None else f"{shot.crf:g}"
        lines.append(
            f"  {shot.shot_id + 1:>5} {span:>15} {value:>7} {numbers[0]:>8} {numbers[1]:>8}"
        )
    lines += _title("by shot", found.per_shot) + _title("single", found.single)
    if found.change_at_equal_score_percent is not None:
        lines.append(f"at equal score: {found.change_at_equal_score_percent:+.1f} % of the bits")
    lines.append(f"kept: {found.kept or 'nothing'}; {found.reason}")
    lines += [f"note: {note}" for note in found.notes]
    if found.output is not None:
        kept = ", ".join(f"{count} {kind}" for kind, count in found.output.carried.items())
        lines.append(
            f"wrote {found.output.path}: {found.output.size_bytes} bytes, checked"
            + (f"; carried {kept}" if kept else "")
        )
        lines += [f"note: {dropped}" for dropped in found.output.dropped]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _title(name: str, title: TitleRecord | None) -> list[str]:
    if title is None:
        return [f"{name}: none"]
    setting = "" if title.crf is None else f" at {title.crf:g}"
    return [
        f"{name}{setting}: mean {title.mean:.3f}, worst shot {title.worst_shot:.2f}, "
        f"{title.bitrate_kbps:.0f} kbps, {title.video_bytes} bytes"
    ]


def zones_text(found: ZonesResult) -> str:
    """What each zone and region did."""
    lines = [
        f"{found.source}: {found.encoder} {found.preset} at {found.crf:g}: "
        f"{found.video_bytes_plain} bytes plain, {found.video_bytes} so "
        f"({found.change_percent:+.1f} %)"
    ]
    lines += [f"zone {each.zone}: {each.change_percent:+.1f} % bits" for each in found.zones]
    lines += [
        f"region {each.roi}: {each.inside_plain_db:.2f} -> {each.inside_db:.2f} dB inside, "
        f"{each.outside_plain_db:.2f} -> {each.outside_db:.2f} dB outside"
        for each in found.rois
    ]
    if found.output is not None:
        lines.append(f"wrote {found.output.path}: {found.output.size_bytes} bytes, checked")
    return "\n".join(lines)
