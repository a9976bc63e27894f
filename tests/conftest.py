"""What every test gets: a cache of its own, a temporary folder, and a check for leaks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from tests.faketools.fake import FakeFfmpeg
from tests.faketools.zygote import Zygote

from vmafkit import proc

_room: Path | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _room
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    _room = Path(tempfile.mkdtemp(prefix="vmafkit-tests-"))
    for name in ("tmp", "cache"):
        (_room / name).mkdir()
    os.environ["VMAFKIT_CACHE"] = str(_room / "cache")
    os.environ["TMPDIR"] = str(_room / "tmp")
    tempfile.tempdir = None


def pytest_unconfigure(config: pytest.Config) -> None:
    if _room is not None:
        shutil.rmtree(_room, ignore_errors=True)


def _left_files() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("vmafkit-*")}


def _children() -> set[str]:
    """The outside programs that this process has started and that still run."""
    found: set[str] = set()
    for pid in proc.children_of(Path("/proc/self")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words and b"ffmpeg" in words[0].rpartition(b"/")[2]:
            found.add(f"{pid} {words[0].decode(errors='replace')}")
    return found


@pytest.fixture(autouse=True)
def _alone_and_clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test uses the user's own cache, or leaves a program or a temporary folder behind."""

    def refuse(*_: Any, **__: Any) -> str:
        raise AssertionError("a test asked for the user's own cache folder")

    monkeypatch.setattr(platformdirs, "user_cache_dir", refuse)
    files, children = _left_files(), _children()
    yield
    assert not _left_files() - files, "temporary folders were left behind"
    assert not _children() - children, "programs were left running"


@pytest.fixture
def new_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store; what is known of the ffmpeg programs is kept."""
    shared = Path(os.environ["VMAFKIT_CACHE"])
    cache = tmp_path / "cache"
    cache.mkdir()
    if (shared / "ffmpeg").is_dir():
        shutil.copytree(shared / "ffmpeg", cache / "ffmpeg")
    monkeypatch.setenv("VMAFKIT_CACHE", str(cache))
    return cache


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a module: later tests profit from earlier ones, as users do."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def use_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Works on the store of the module."""
    monkeypatch.setenv("VMAFKIT_CACHE", str(cache))


@pytest.fixture(scope="session")
def rounds() -> Callable[[int, int], int]:
    """rounds(few, full): full when VMAFKIT_TEST_ROUNDS=full."""
    full = os.environ.get("VMAFKIT_TEST_ROUNDS") == "full"
    return lambda few, many: many if full else few


@pytest.fixture(scope="session")
def _fake(tmp_path_factory: pytest.TempPathFactory) -> FakeFfmpeg:
    return FakeFfmpeg.made(tmp_path_factory.mktemp("fake") / "tools")


@pytest.fixture
def fake(_fake: FakeFfmpeg, tmp_path: Path) -> FakeFfmpeg:
    """A false ffmpeg of its own for a test."""
    return _fake.copy(tmp_path / "tools")


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Starts `vmaf-tune` quickly."""
    started = Zygote()
    yield started
    started.close()
