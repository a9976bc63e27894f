"""What people read of per-shot tuning and of zones."""

from __future__ import annotations

from vmafkit.cli.per_shot_text import per_shot_text, zones_text
from vmafkit.schema.per_shot import PerShotResult, ShotRecord, TitleRecord
from vmafkit.schema.recommendation import OutputRecord
from vmafkit.schema.zones import RegionRecord, ZoneRecord, ZonesResult

OUTPUT = OutputRecord(
    path="out.mkv", size_bytes=1234, video_bytes=1000, carried={"audio": 2}, dropped=["a font"],
    encoded_again=False,
)  # fmt: skip


def title(mean: float, crf: float | None = None) -> TitleRecord:
    return TitleRecord(
        score=mean, mean=mean, worst_shot=80.5, bitrate_kbps=500.4, video_bytes=1000, crf=crf
    )


def result(**words: object) -> PerShotResult:
    shots = [
        ShotRecord(
            shot_id=n, start_frame=10 * n, end_frame=10 * n + 10, frames=10, crf=20.5 + n,
            score=91.25, score_single=None, video_bits=1, probes=[],
        )
        for n in range(2)
    ]  # fmt: skip
    return PerShotResult.model_validate(
        {
            "source": "film.mkv", "encoder": "libx264", "preset": "medium",
            "quality_knob": "crf", "mode": "constant-slope", "target": "vmaf>=92",
            "target_vmaf": 92.0, "worst": None, "model": "m", "framerate": 25.0, "frames": 20,
            "shots": shots, "per_shot": title(92.031), "single": title(92.2, 24.0),
            "change_percent": -8.0, "change_at_equal_score_percent": -7.9, "kept": "per-shot",
            "met": True, "reason": "it pays", "rounds": [], "segment_commands": [],
            "concat_command": [], "trials_measured": 1, "trials_known": 0, "output": OUTPUT,
            "versions": {}, "notes": ["the frame rate varies"], **words,
        }
    )  # fmt: skip


def test_the_shots_the_titles_and_the_verdict_are_shown() -> None:
    text = per_shot_text(result())
    assert "10..19" in text and "21.5" in text and "91.25" in text
    assert "by shot: mean 92.031, worst shot 80.50, 500 kbps" in text
    assert "single at 24: mean 92.200" in text
    assert "at equal score: -7.9 % of the bits" in text
    assert "kept: per-shot; it pays" in text
    assert "wrote out.mkv: 1234 bytes, checked; carried 2 audio" in text
    assert "note: a font" in text and "note: the frame rate varies" in text


def test_nothing_kept_is_said() -> None:
    empty = {"per_shot": None, "single": None, "change_at_equal_score_percent": None}
    text = per_shot_text(result(kept=None, output=None, met=False, reason="too high", **empty))
    assert "kept: nothing; too high" in text and "single: none" in text and "wrote" not in text


def test_zones_and_regions_are_shown() -> None:
    zone = ZoneRecord(
        zone="0,5,q=40", first_frame=0, last_frame=5, bits_plain=100, bits=50, change_percent=-50.0
    )
    region = RegionRecord(
        roi="0,0,8,8,-0.3", inside_plain_db=30.0, inside_db=33.0, outside_plain_db=31.0,
        outside_db=31.5, gain_db=2.5,
    )  # fmt: skip
    text = zones_text(
        ZonesResult(
            source="film.mkv", encoder="libx264", preset="medium", crf=23.0, zones=[zone],
            rois=[region], video_bytes_plain=200, video_bytes=150, change_percent=-25.0,
            output=OUTPUT, command=[], versions={},
        )
    )  # fmt: skip
    assert "200 bytes plain, 150 so (-25.0 %)" in text
    assert "zone 0,5,q=40: -50.0 % bits" in text
    assert "30.00 -> 33.00 dB inside, 31.00 -> 31.50 dB outside" in text
    assert "wrote out.mkv" in text
