"""Probes from rows: the right score under the right statistic, and clear refusals."""

from __future__ import annotations

from typing import Any

import pytest

from vmafkit.decide.from_rows import probes_of, rows_for
from vmafkit.decide.search import decide_from_rows
from vmafkit.decide.target import parse_target
from vmafkit.encoders import get
from vmafkit.errors import UsageError
from vmafkit.schema.corpus import V1_KEYS, CorpusRow


def row(crf: float, score: float, **words: Any) -> CorpusRow:
    values: dict[str, Any] = {
        **dict.fromkeys(V1_KEYS),
        "schema_version": 4, "run_id": "r", "timestamp": "t", "src": "a.mkv", "src_sha256": "s",
        "width": 64, "height": 48, "pix_fmt": "yuv420p", "framerate": 25.0, "duration_s": 1.0,
        "encoder": "libx264", "preset": "fast", "crf": crf, "extra_params": [],
        "encode_size_bytes": 900, "bitrate_kbps": 1000.0 / (crf + 1), "vmaf_score": score,
        "vmaf_model": "vmaf_v0.6.1", "exit_status": 0, "vmaf_p5": score - 5,
        "features": {"psnr_y": {"mean": score / 2}}, "window": "full",
    }  # fmt: skip
    return CorpusRow.model_validate({**values, **words})


ROWS = [row(crf, 100.0 - crf) for crf in (2.0, 5.0, 8.0, 11.0)]


@pytest.mark.parametrize(
    ("target", "crf"),
    [("93", 5.0), ("vmaf:p5>=88", 5.0), ("psnr>=46", 8.0), ("vmaf_v0.6.1>=89", 11)],
)
def test_the_cheapest_row_that_meets_the_target_is_taken(target: str, crf: float) -> None:
    targets = [parse_target(target)]
    decision = decide_from_rows(probes_of(ROWS, targets), get("x264").quality, targets)
    assert decision.met and decision.quality == crf


def test_the_newest_row_of_a_setting_counts() -> None:
    found = probes_of([*ROWS, row(5.0, 50.0)], [parse_target("93")])
    assert {probe.quality: probe.scores[0] for probe in found}[5.0] == 50.0
    assert all(probe.known for probe in found)


def test_rows_of_windows_failures_and_others_are_left_out() -> None:
    others = [
        row(20.0, 1.0, window="0+10"),
        row(21.0, 1.0, exit_status=1),
        row(22.0, 1.0, encoder="libx265"),
        row(23.0, 1.0, src_sha256="other"),
    ]
    found = rows_for([*ROWS, *others], sha256="s", encoder="libx264", preset=None)
    assert found == ROWS
    with pytest.raises(UsageError, match="2 sources"):
        rows_for([*ROWS, *others], sha256=None, encoder="libx264", preset=None)
    with pytest.raises(UsageError, match="presets fast, slow"):
        rows_for([*ROWS, row(9.0, 1.0, preset="slow")], sha256=None, encoder="libx264", preset=None)
    with pytest.raises(UsageError, match="holds no row"):
        rows_for(ROWS, sha256="s", encoder="libvvenc", preset=None)


@pytest.mark.parametrize("target", ["xpsnr>=30", "vmaf_v0.6.1neg>=90", "vmaf:p3>=80"])
def test_a_score_that_no_row_has_is_named(target: str) -> None:
    with pytest.raises(UsageError, match="has no score for"):
        probes_of(ROWS, [parse_target(target)])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("extra_params", ["-tune", "film"]),
        ("threads", 2),
        ("display_width", 1920),
        ("display_height", 1080),
        ("pix_fmt", "yuv420p10le"),
    ],
)
def test_rows_of_several_curves_are_refused(field: str, value: object) -> None:
    other = row(9.0, 99.0, **{field: value})
    with pytest.raises(UsageError, match=field) as told:
        rows_for([*ROWS, other], sha256="s", encoder="libx264", preset=None)
    assert "corpus file of their own" in (told.value.hint or "")
    assert rows_for([other], sha256="s", encoder="libx264", preset=None) == [other]
