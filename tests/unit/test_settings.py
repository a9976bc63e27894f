"""What is read from the environment, and what outside programs are given of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vmafkit import settings


def test_the_cache_is_where_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VMAFKIT_CACHE", "here")
    assert settings.cache_folder() == tmp_path / "here"


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_is_the_users_own_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None
) -> None:
    def user_cache_dir(appname: str, *, appauthor: bool) -> str:
        assert not appauthor
        return str(tmp_path / appname)

    monkeypatch.setattr("platformdirs.user_cache_dir", user_cache_dir)
    if value is None:
        monkeypatch.delenv("VMAFKIT_CACHE", raising=False)
    else:
        monkeypatch.setenv("VMAFKIT_CACHE", value)
    assert settings.cache_folder() == tmp_path / "vmafkit"


@pytest.mark.parametrize(
    ("value", "meant"), [(None, None), ("", None), ("/a b/ffmpeg", "/a b/ffmpeg")]
)
def test_an_empty_variable_names_no_ffmpeg(
    monkeypatch: pytest.MonkeyPatch, value: str | None, meant: str | None
) -> None:
    monkeypatch.delenv("VMAFKIT_FFMPEG", raising=False)
    if value is not None:
        monkeypatch.setenv("VMAFKIT_FFMPEG", value)
    assert settings.ffmpeg_from_environment() == meant


def test_children_are_given_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("LD_PRELOAD", "other.so")
    monkeypatch.setenv("FFREPORT", "file=log.txt")
    monkeypatch.setenv("PATH", "/bin")
    given = settings.child_environment()
    assert given["PATH"] == "/bin"
    assert not {"AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "FFREPORT"} & set(given)


@pytest.mark.parametrize(("value", "wanted"), [("", True), ("1", False), ("0", False)])
def test_no_color_counts_whatever_it_holds_but_nothing(
    monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    assert settings.wants_colour() is wanted


def test_a_traceback_is_shown_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VMAFKIT_DEBUG", raising=False)
    assert not settings.wants_traceback()
    monkeypatch.setenv("VMAFKIT_DEBUG", "1")
    assert settings.wants_traceback()


def test_the_cores_are_those_this_process_may_use() -> None:
    if not hasattr(os, "sched_setaffinity"):
        assert settings.core_count() >= 1
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert settings.core_count() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert settings.core_count() == len(before)
