"""A search whose settings fail, whose verification is strict, and what it leaves on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.api import _recommend, _searching
from vmafkit.errors import EncodeFailed
from vmafkit.execute import batch, search

FAST: dict[str, Any] = {"encoder": "x264", "preset": "ultrafast"}
WINDOWS: dict[str, Any] = {"samples": 4, "sample_duration_s": 1.0}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.scenes(tmp_path_factory.mktemp("clips") / "scenes.mkv")


@pytest.fixture(autouse=True)
def _use_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "store"))


@pytest.mark.parametrize("workers", [1, 3])
def test_one_window_that_fails_does_not_stop_a_sampled_search(
    scenes: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = batch.run_trial, list[float]()

    def fragile(bench: Any, cell: Any, **words: Any) -> Any:
        if not broken or cell.quality == broken[0]:
            broken.append(cell.quality)
            raise EncodeFailed("the encoder broke")
        return real(bench, cell, **words)

    monkeypatch.setattr(batch, "run_trial", fragile)
    made = api.recommend(scenes, target=["90"], workers=workers, **WINDOWS, **FAST)
    assert made.met and broken
    assert broken[0] not in {probe.quality for probe in made.probes}
    assert [note for note in made.notes if "could not be measured" in note]


def test_what_is_no_failed_trial_stops_the_other_windows(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[bool] = []

    def crash(bench: Any, _: Any, **__: Any) -> Any:
        if not stops:
            stops.append(False)
            raise RuntimeError("a defect")
        stops.append(bench.cancel.wait(20.0))
        raise EncodeFailed("stopped")

    monkeypatch.setattr(batch, "run_trial", crash)
    with pytest.raises(RuntimeError, match="a defect"):
        api.recommend(scenes, target=["90"], workers=1, **WINDOWS, **FAST)
    assert all(stops[1:])


def test_the_whole_source_is_verified_within_the_users_tolerance(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = _searching.Search, list[float]()

    def recorded(*words: Any, **named: Any) -> Any:
        seen.append(named["tolerance"])
        return real(*words, **named)

    monkeypatch.setattr(_searching, "Search", recorded)
    made = api.recommend(
        scenes, target=["90"], tolerance=0.25, output=tmp_path / "out.mkv", **WINDOWS, **FAST
    )
    assert made.met and made.window == "full"
    assert len(seen) >= 2 and set(seen) == {0.25}


def test_only_the_best_encode_waits_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = kit.moving(tmp_path / "short.mkv")
    measure, finish, waiting = search.measure, _recommend.finish, list[int]()

    def kept(setup: Any) -> int:
        return len(list(setup.keep.glob("*.mkv")) + list(setup.keep.glob("*.mp4")))

    def counted(setup: Any, *words: Any) -> Any:
        waiting.append(kept(setup))
        return measure(setup, *words)

    def finished(found: Any, *words: Any) -> Any:
        assert kept(found.setup) == 1
        made = finish(found, *words)
        assert kept(found.setup) == 0 and not made.encoded_again
        return made

    monkeypatch.setattr(search, "measure", counted)
    monkeypatch.setattr(_recommend, "finish", finished)
    made = api.recommend(
        clip, target=["93"], strategy="bisect", full=True, output=tmp_path / "out.mkv", **FAST
    )
    assert made.met and len(waiting) >= 3 and max(waiting) <= 1
