"""The plan of a sweep: its cells, their keys, their names (R12)."""

from __future__ import annotations

import dataclasses
import itertools
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.r_record import note

from vmafkit import encoders
from vmafkit.decide.sweep import Cell, Grid, Known, Scoring, plan_sweep
from vmafkit.errors import CapabilityMissing, Refused, UsageError
from vmafkit.media.source import ColorFacts, HdrFacts, RawGeometry, Source
from vmafkit.scoring.backend import Backend
from vmafkit.scoring.features import feature_by_name
from vmafkit.scoring.vmaf_models import model_by_id
from vmafkit.store.spec import Toolchain, TrialSpec

TOOLS = Toolchain("9", "ab" * 32, "core 164")


def source(path: str = "/in/film.mkv", **changes: Any) -> Source:
    base = Source(
        path=Path(path), container="matroska", codec="h264", width=640, height=360, rotation=0,
        sar=Fraction(1), pix_fmt="yuv420p", bit_depth=8, framerate=Fraction(25), is_vfr=False,
        frame_count=50, duration_s=2.0, color=ColorFacts(), hdr=HdrFacts(), raw=None,
        size_bytes=1, mtime_ns=1, inode=1, video_bits=8, has_audio=False,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def plan(
    *sources: Source, names: str = "libx264", presets: str = "", values: tuple[float, ...] = (),
    scoring: Scoring | None = None, tools: Toolchain = TOOLS, **grid: Any,
) -> tuple[Cell, ...]:  # fmt: skip
    known = [Known(each, f"{index:02}" * 32) for index, each in enumerate(sources or (source(),))]
    whole = Grid(tuple(map(encoders.get, names.split())), tuple(presets.split()), values, **grid)
    return plan_sweep(known, whole, scoring or Scoring(), lambda _: tools)


def test_cells_come_in_order_and_once() -> None:
    cells = plan(
        source("/a/x.mkv"), source("/b/y.mkv"), names="libx264 libx265 libx264",
        presets="fast slow fast", values=(20.0, 30.0, 20.0),
    )  # fmt: skip
    found = [(c.source.path.stem, c.spec.encoder, c.spec.preset, c.quality) for c in cells]
    expected = itertools.product("xy", ("libx264", "libx265"), ("fast", "slow"), (20.0, 30.0))
    assert found == list(expected)


def test_a_preset_goes_to_the_encoders_that_have_it() -> None:
    cells = plan(names="libx264 libsvtav1", presets="fast 8 slow", values=(30.0,))
    assert [(c.spec.encoder, c.spec.preset) for c in cells] == [
        ("libx264", "fast"), ("libx264", "slow"), ("libsvtav1", "8"),
    ]  # fmt: skip
    for presets in ("fast", "8", "fast 8 quickly"):
        with pytest.raises(UsageError, match="has no preset"):
            plan(names="libx264 libsvtav1", presets=presets)


def test_defaults_are_the_encoders_own() -> None:
    (cell,) = plan()
    assert (cell.spec.preset, cell.quality) == ("medium", 23)
    assert cell.models[0].id == "vmaf_v0.6.1" and "chosen" in cell.model_note
    (uhd,) = plan(source(width=3840, height=2160))
    assert uhd.models[0].id == "vmaf_4k_v0.6.1"


def test_what_scoring_would_refuse_is_refused_before_any_work() -> None:
    with pytest.raises(Refused, match="PQ"):
        plan(source(hdr=HdrFacts(kind="pq")))
    assert plan(source(hdr=HdrFacts(kind="pq")), scoring=Scoring(allow_hdr=True))
    with pytest.raises(Refused, match="too small"):
        plan(source(width=16, height=16))
    with pytest.raises(UsageError, match="multiples of 2"):
        plan(source(width=65))
    with pytest.raises(UsageError, match="no cells"):
        plan(names="")


def test_names_of_kept_encodes_are_unique_and_short() -> None:
    long = "ü" * 120 + ".mkv"
    cells = plan(
        source("/a/film.mkv"), source("/b/film.mkv"), source("/c/film.mov"),
        source(f"/d/{long}"), source("/e/" + "ü" * 119 + "x.mkv"),
        source(os.fsdecode(b"/f/" + b"\xff" * 200 + b".mkv")),
        presets="fast slow", values=(20.0, 20.5),
    )  # fmt: skip
    names = [cell.file_name for cell in cells]
    assert len(set(names)) == len(names) == 24
    for name in names:
        assert len(os.fsencode(name)) <= 220 and "/" not in name and name.endswith(".mkv")
    assert names[0] == "film__libx264__fast__20.mkv"
    changes: tuple[dict[str, Any], ...] = ({"options": ("g=10",)}, {"threads": 2})
    for change in changes:
        (cell,) = plan(presets="fast", values=(20.0,), **change)
        assert cell.file_name == f"film__libx264__fast__20__{cell.spec.key[:8]}.mkv"
        assert cell.keyed_name == cell.file_name


# -- R12: what a trial's key holds -----------------------------------------------------------------

PARTS: dict[str, dict[str, Any]] = {
    "encoder": {"names": "libx265"},
    "preset": {"presets": "slow"},
    "quality": {"values": (23.5,)},
    "option": {"options": ("bf=4",)},
    "threads": {"threads": 2},
    "model": {"scoring": Scoring(models=(model_by_id("vmaf_v0.6.1neg"),), model_keys=("neg",))},
    "model file": {
        "scoring": Scoring(models=(model_by_id("vmaf_v0.6.1"),), model_keys=("file:00",))
    },
    "feature": {"scoring": Scoring(features=(feature_by_name("psnr"),))},
    "display": {"scoring": Scoring(display=(1280, 720))},
    "subsample": {"scoring": Scoring(subsample=2)},
    "encoder version": {"tools": dataclasses.replace(TOOLS, encoder_version="core 165")},
    "ffmpeg": {"tools": dataclasses.replace(TOOLS, ffmpeg_sha256="cd" * 32)},
    "ffmpeg version": {"tools": dataclasses.replace(TOOLS, ffmpeg_version="10")},
    "engine": {"scoring": Scoring(backend=Backend("auto", engine="aa"))},
    "engine version": {"scoring": Scoring(backend=Backend("auto", engine="ab"))},
    "vmaf binary": {"scoring": Scoring(backend=Backend("vmaf-binary", tool_sha256="aa"))},
    "its bytes": {"scoring": Scoring(backend=Backend("vmaf-binary", tool_sha256="ab"))},
}


def test_r12_every_part_changes_the_key() -> None:
    keys = {"base": plan()[0].spec.key}
    for name, change in PARTS.items():
        keys[name] = plan(**change)[0].spec.key
    raw = RawGeometry(640, 360)
    keys["raw"] = plan(source(raw=raw))[0].spec.key
    keys["raw rate"] = plan(source(raw=RawGeometry(640, 360, framerate=Fraction(50))))[0].spec.key
    keys["bytes"] = plan(source(), source("/in/other.mkv"))[1].spec.key
    spec = plan()[0].spec
    keys["window"] = dataclasses.replace(spec, window="0+10").key
    keys["scale"] = dataclasses.replace(spec, scale=(320, 180)).key
    assert len(set(keys.values())) == len(keys) == 23
    note("R12", len(keys))
    # Each field of the spec was changed by one of them.
    assert {field.name for field in dataclasses.fields(TrialSpec)} == set(spec.__dict__) - {"key"}


def test_r12_fields_are_all_in_the_key() -> None:
    spec = plan()[0].spec
    for field in dataclasses.fields(TrialSpec):
        other = (
            dataclasses.replace(spec, **{field.name: ("other",)})
            if (field.name != "toolchain")
            else dataclasses.replace(spec, toolchain=dataclasses.replace(TOOLS, scorer="x"))
        )
        assert other.key != spec.key, field.name


def test_a_backend_that_falls_back_makes_the_trials_of_libvmaf() -> None:
    keys = {
        plan(scoring=Scoring(backend=backend))[0].spec.key
        for backend in (Backend(), Backend("libvmaf"), Backend("auto", missing="it is not built"))
    }
    assert keys == {plan()[0].spec.key}
    assert '"scorer":"ffmpeg-libvmaf"' in plan()[0].spec.canonical()
    psnr = Scoring(features=(feature_by_name("psnr"),))
    built = dataclasses.replace(psnr, backend=Backend("auto", engine="aa"))
    fallen = plan(scoring=built)[0]
    assert fallen.spec.key == plan(scoring=psnr)[0].spec.key
    assert (fallen.scorer.name, "features" in fallen.scorer.note) == ("libvmaf", True)


def test_the_engine_by_name_says_why_it_does_not_score() -> None:
    scoring = Scoring(subsample=2, backend=Backend("engine", engine="aa"))
    with pytest.raises(CapabilityMissing, match="every n-th") as caught:
        plan(scoring=scoring)
    assert "--score-backend libvmaf" in caught.value.hint


names = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=40)
moves = st.tuples(names, st.integers(0, 2**62), st.integers(0, 2**62), st.booleans())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(moves, min_size=10, max_size=10), st.permutations([20.0, 30.0, 40.0]))
def test_r12_what_does_not_matter_does_not_change_the_key(
    ten: list[tuple[str, int, int, bool]], values: list[float]
) -> None:
    base = {cell.spec.key for cell in plan(values=(20.0, 30.0, 40.0))}
    for name, mtime_ns, inode, allow_hdr in ten:
        moved = source(f"/elsewhere/{name}.mkv", mtime_ns=mtime_ns, inode=inode)
        found = plan(moved, values=tuple(values), scoring=Scoring(allow_hdr=allow_hdr))
        assert {cell.spec.key for cell in found} == base


def test_planning_is_pure(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("planning touched the machine")

    first = plan(presets="fast slow", values=(20.0, 30.0))
    for place, name in ((os, "open"), (os, "stat"), (Path, "open"), (Path, "stat")):
        monkeypatch.setattr(place, name, forbidden)
    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr("subprocess.Popen", forbidden)
    again = plan(presets="fast slow", values=(20.0, 30.0))
    monkeypatch.undo()
    assert first == again
