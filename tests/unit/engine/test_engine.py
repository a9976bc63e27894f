"""The array interface: any strides, clear errors, nothing that crashes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import engine_reference as plain
from tests.engine_kit import blurred, library, moving

from vmafkit.errors import CapabilityMissing, InputError, UsageError, VmafkitError
from vmafkit.scoring.engine import native
from vmafkit.scoring.engine.engine import Engine, Features
from vmafkit.scoring.engine.native import Library

__all__ = ["library"]


def run(library: Library, reference: Any, distorted: Any, depth: int = 8) -> Features:
    height, width = reference.shape
    with Engine(width, height, bit_depth=depth, library=library) as engine:
        engine.push(reference, [distorted])
        return engine.finish()


def same(one: Features, other: Features) -> bool:
    return np.array_equal(one.adm, other.adm) and np.array_equal(one.vif, other.vif)


@pytest.mark.parametrize("gain", [100.0, 1.0])
def test_features_equal_the_plain_arithmetic(library: Library, gain: float) -> None:
    references = moving(131, 77, 3, 10)
    distorted = [np.clip(p.astype(int) * 5 // 4, 0, 1023).astype(np.uint16) for p in references]
    with Engine(131, 77, bit_depth=10, gains=[gain], library=library) as engine:
        for ours, theirs in zip(references, distorted, strict=True):
            engine.push(ours, [theirs])
        found = engine.finish()
    for i, (ours, theirs) in enumerate(zip(references, distorted, strict=True)):
        adm2, scales = plain.adm(ours, theirs, 10, gain)
        assert found.adm[:, i, 0, 0] == pytest.approx([adm2, *scales], abs=1e-6)
        assert found.vif[:, i, 0, 0] == pytest.approx(plain.vif(ours, theirs, 10, gain), abs=1e-6)
    sads = [0.0, *(plain.motion_sad(references[i], references[i + 1], 10) for i in range(2))]
    assert found.motion == pytest.approx(sads)
    assert found.motion2 == pytest.approx([0.0, min(sads[1:]), sads[2]])


def test_any_strides_give_the_same(library: Library) -> None:
    reference = moving(90, 60, 1)[0]
    distorted = blurred(reference)
    plain_result = run(library, reference, distorted)
    wide = np.zeros((130, 300), np.uint8)
    views = {
        "in a larger array": wide[5:65, 9:99],
        "every other": np.zeros((120, 270), np.uint8)[::2, ::3],
        "columns first": np.zeros((90, 60), np.uint8).T,
        "backwards": np.zeros((60, 90), np.uint8)[::-1, ::-1],
    }
    for name, view in views.items():
        view[...] = reference
        assert same(run(library, view, distorted), plain_result), name
    frozen = reference.copy()
    frozen.flags.writeable = False
    assert same(run(library, frozen, distorted), plain_result)


def test_an_array_may_be_used_again_after_push(library: Library) -> None:
    frames = moving(96, 64, 4)
    shared, other = np.empty_like(frames[0]), np.empty_like(frames[0])
    with Engine(96, 64, threads=2, library=library) as engine:
        for frame in frames:
            shared[...], other[...] = frame, blurred(frame)
            engine.push(shared, [other])
            shared[...] = 0
        reused = engine.finish()
    with Engine(96, 64, library=library) as engine:
        for frame in frames:
            engine.push(frame, [blurred(frame)])
        kept = engine.finish()
    assert same(reused, kept)
    assert np.array_equal(reused.motion, kept.motion)


@pytest.mark.parametrize(
    "words",
    [
        {"width": 39},
        {"height": 0},
        {"width": -5},
        {"width": 20000},
        {"width": 64.0},
        {"width": True},
        {"distorted": 0},
        {"distorted": 65},
        {"bit_depth": 9},
        {"threads": 0},
        {"gains": ()},
        {"gains": (0.5,)},
        {"gains": (1.0, 1.0)},
    ],
)
def test_wrong_arguments_are_refused(library: Library, words: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Engine(**{"width": 64, "height": 64, "library": library, **words})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.lists(st.integers(0, 70), min_size=0, max_size=3),
    kind=st.sampled_from(["u1", "u2", "i4", "f4", "f8", "c8", "?", "S1", "O"]),
)
def test_other_arrays_are_refused(library: Library, shape: list[int], kind: str) -> None:
    array = np.zeros(shape, kind)
    good = np.zeros((64, 64), np.uint8)
    with Engine(64, 64, library=library) as engine:
        if array.shape == (64, 64) and kind == "u1":
            return
        for pair in ((array, good), (good, array)):
            with pytest.raises(InputError, match=r"has shape|holds"):
                engine.push(pair[0], [pair[1]])


def test_samples_beyond_the_depth_are_refused(library: Library) -> None:
    picture = np.full((64, 64), 1024, np.uint16)
    with (
        Engine(64, 64, bit_depth=10, library=library) as engine,
        pytest.raises(InputError, match="too large for 10 bits"),
    ):
        engine.push(picture, [picture])


def test_the_order_of_calls_is_checked(library: Library) -> None:
    picture = np.zeros((64, 64), np.uint8)
    with Engine(64, 64, library=library) as engine:
        with pytest.raises(UsageError, match="2 distorted pictures"):
            engine.push(picture, [picture, picture])
        with pytest.raises(UsageError, match="no frame"):
            engine.finish()
        with pytest.raises(UsageError, match="finished"):
            engine.push(picture, [picture])


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_extreme_samples_give_numbers(library: Library, depth: int) -> None:
    kind = np.uint8 if depth == 8 else np.uint16
    rng = np.random.default_rng(3)
    top = np.full((50, 70), (1 << depth) - 1, kind)
    noise = rng.integers(0, 2, top.shape).astype(kind) * top
    for reference, distorted in ((top, top), (top, noise), (noise, top), (noise, top - noise)):
        found = run(library, reference, distorted, depth)
        assert np.isfinite(found.adm).all()
        assert np.isfinite(found.vif).all()


def test_closing_early_leaves_no_threads(library: Library) -> None:
    def own() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name.startswith("vmaf-engine")]

    picture = moving(128, 96, 1)[0]
    with Engine(128, 96, threads=2, library=library) as engine:
        for _ in range(5):
            engine.push(picture, [picture])
        assert own()
    assert not own()


def test_a_missing_or_foreign_engine_is_told(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "find_library", lambda: None)
    with pytest.raises(CapabilityMissing, match="not built"):
        native.load()
    broken = tmp_path / "engine.so"
    broken.write_bytes(b"not a library")
    with pytest.raises(VmafkitError, match="cannot be loaded"):
        native.load(broken)
    copy = tmp_path / "copy.so"
    copy.write_bytes(library.path.read_bytes())
    monkeypatch.setattr(native, "source_hash", lambda: "0" * 16)
    with pytest.raises(CapabilityMissing, match="other sources"):
        native.load(copy)
