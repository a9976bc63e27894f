"""What an ffmpeg can do is asked once and kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.faketools.fake import FakeFfmpeg

from vmafkit import fsio, proc
from vmafkit.errors import CapabilityMissing, StoreFull, ToolMissing
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    seen: list[Sequence[str]] = []
    real = proc.run

    def run(argv: Sequence[str], **more: Any) -> Any:
        seen.append(argv)
        return real(argv, **more)

    monkeypatch.setattr(proc, "run", run)
    return seen


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_true_one_is_read(cache: Path) -> None:
    found = read_capabilities(find_ffmpeg())
    assert found.has_libvmaf
    assert {"libx264", "libx265", "libsvtav1", "libvpx-vp9"} <= set(found.encoders)
    assert {"scale", "trim", "libvmaf"} <= set(found.filters)
    assert found.sha256 == fsio.sha256_file(find_ffmpeg())
    with pytest.raises(CapabilityMissing, match="no encoder nonsense"):
        found.require_encoder("nonsense")


def test_it_is_asked_once(fake: FakeFfmpeg, cache: Path, asked: list[Sequence[str]]) -> None:
    first = read_capabilities(fake.program)
    assert len(asked) == 3
    assert read_capabilities(fake.program) == first
    assert len(asked) == 3
    assert (first.encoders, first.filters) == (("libx264",), ("libvmaf",))


def test_another_program_at_the_same_path_is_asked_anew(
    fake: FakeFfmpeg, cache: Path, asked: list[Sequence[str]]
) -> None:
    first = read_capabilities(fake.program)
    text = fake.program.read_text().replace("fake-1", "fake-2")
    fake.program.write_text(text)
    os.utime(fake.program, ns=(1, 1))
    second = read_capabilities(fake.program)
    assert (first.version, second.version) == ("fake-1", "fake-2")
    assert first.sha256 != second.sha256


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"cache_version": 1}', b"\xff\xfe", b"null"]
)
def test_a_damaged_cache_is_written_anew(
    fake: FakeFfmpeg, cache: Path, asked: list[Sequence[str]], damage: bytes
) -> None:
    first = read_capabilities(fake.program)
    (kept,) = (cache / "ffmpeg").iterdir()
    kept.write_bytes(damage)
    assert read_capabilities(fake.program) == first
    assert len(asked) == 6
    assert read_capabilities(fake.program) == first
    assert len(asked) == 6


def test_a_cache_that_cannot_be_written_is_done_without(
    fake: FakeFfmpeg, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StoreFull("the disk is full")

    monkeypatch.setattr(fsio, "write_atomic", full)
    assert read_capabilities(fake.program).version == "fake-1"


@pytest.mark.parametrize("body", ["exit 0", "exit 1", "echo hello", "kill -9 $$"])
def test_what_is_no_ffmpeg_is_refused(tmp_path: Path, cache: Path, body: str) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    with pytest.raises(ToolMissing):
        read_capabilities(program)
    assert not (cache / "ffmpeg").exists()


def test_one_without_libvmaf_is_told(tmp_path: Path, fake: FakeFfmpeg, cache: Path) -> None:
    fake.program.write_text(fake.program.read_text().replace("libvmaf VV", "other VV"))
    with pytest.raises(CapabilityMissing, match="without libvmaf"):
        read_capabilities(fake.program).require_libvmaf()
