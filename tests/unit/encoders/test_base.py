from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.encoders.base import Quality
from vmafkit.encoders.pixfmts import nearest_pix_fmt, shape
from vmafkit.errors import UsageError

CRF = Quality("crf", 0, 51, 0.1, 23, higher_is_better=False)
QUARTER = Quality("crf", 1, 63, 0.25, 35, higher_is_better=False)
WHOLE = Quality("qp", 0, 255, 1, 100, higher_is_better=False)


@pytest.mark.parametrize(
    ("knob", "value", "text"),
    [
        (CRF, 23, "23"),
        (CRF, 23.5, "23.5"),
        (CRF, 23.000000001, "23"),
        (CRF, 0.1 + 0.2, "0.3"),
        (CRF, -0.0, "0"),
        (QUARTER, 30.25, "30.25"),
        (QUARTER, 30.5, "30.5"),
        (WHOLE, 100.0, "100"),
        (WHOLE, 0, "0"),
    ],
)
def test_word_is_canonical(knob: Quality, value: float, text: str):
    assert knob.word(value) == text


@given(st.integers(0, 510))
def test_word_reads_back(steps: int):
    text = CRF.word(steps / 10)
    assert "e" not in text and float(text) == pytest.approx(steps / 10, abs=1e-9)


@pytest.mark.parametrize("value", [23.05, -0.1, 51.1, float("nan"), float("inf"), -float("inf")])
def test_check_refuses(value: float):
    with pytest.raises(UsageError, match="libx264 crf") as caught:
        CRF.check(value, "libx264")
    assert caught.value.hint == "it takes 0..51 in steps of 0.1"


@pytest.mark.parametrize(
    ("source", "taken", "found"),
    [
        ("yuv420p10le", ("yuv420p", "yuv420p10le"), "yuv420p10le"),
        ("yuv420p", ("yuv420p10le",), "yuv420p10le"),
        ("yuv420p10le", ("nv12", "p010le"), "p010le"),
        ("yuv422p10le", ("yuv420p", "yuv420p10le"), "yuv420p10le"),
        ("yuv422p", ("yuv420p", "yuv444p"), "yuv444p"),
        ("yuv420p12le", ("yuv420p", "yuv420p10le"), "yuv420p10le"),
        ("yuvj420p", ("yuv420p10le", "yuv420p"), "yuv420p"),
        ("gray", ("yuv444p", "yuv420p"), "yuv420p"),
        ("nv12", ("yuv420p",), "yuv420p"),
        ("yuv420p10le", ("yuv420p",), "yuv420p"),
        ("gbrp", ("yuv444p",), None),
        ("yuva420p", ("yuv420p",), None),
        ("gbrp", ("yuv420p", "gbrp"), "gbrp"),
        ("nonsense", ("yuv420p",), None),
    ],
)
def test_nearest_pix_fmt(source: str, taken: tuple[str, ...], found: str | None):
    assert nearest_pix_fmt(source, taken) == found


def test_shape():
    assert shape("yuv444p12le") == (444, 12)
    assert shape("p010le") == (420, 10)
    assert shape("gray10le") == (400, 10)
    assert shape("rgb24") is None
