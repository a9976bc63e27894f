"""Kept encodes: found whole or not found, and never more than the limit."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from pathlib import Path
from typing import Any

import pytest
from tests.r_record import note

from vmafkit import fsio
from vmafkit.errors import ResultInvalid, StoreFull
from vmafkit.fsio import disk
from vmafkit.store.objects import ObjectStore


def put(store: ObjectStore, folder: Path, content: bytes, **options: Any) -> tuple[str, Path]:
    temp = folder / "temp.mkv"
    temp.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return sha256, store.put(temp, sha256, **options)


def test_a_file_is_moved_in_and_found(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "cache", 1000)
    sha256, path = put(store, tmp_path, b"video")
    assert path == tmp_path / "cache" / "objects" / sha256[:2] / f"{sha256}.mkv"
    assert store.get(sha256, ".mkv", size_bytes=5) == path
    assert store.get("0" * 64, ".mkv") is None
    assert not (tmp_path / "temp.mkv").exists()


def test_bytes_of_another_hash_are_not_taken(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, 1000)
    (tmp_path / "temp.mkv").write_bytes(b"video")
    with pytest.raises(ResultInvalid):
        store.put(tmp_path / "temp.mkv", "0" * 64)
    for name, suffix in (("../../x", ".mkv"), ("0" * 64, "/../x")):
        with pytest.raises(ValueError, match="name of an object"):
            store.path_of(name, suffix)


def test_flipped_bits_are_found_and_set_aside(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, 10**9)
    dice = random.Random(3)
    content = dice.randbytes(200)
    for _ in range(500):
        sha256, path = put(store, tmp_path, content)
        damaged = bytearray(content)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        assert store.get(sha256, ".mkv") is None
        assert not path.exists()
    path = put(store, tmp_path, content)[1]
    assert store.get(sha256, ".mkv", size_bytes=201) is None
    assert len(list(path.parent.glob("*.damaged-*"))) == 501
    note("R11", 500)


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, 300)
    files = [put(store, tmp_path, bytes([index]) * 100) for index in range(3)]
    for age, (_, path) in zip((30, 20, 10), files, strict=True):
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert store.get(files[0][0], ".mkv")
    last = put(store, tmp_path, b"x" * 150, keep={files[2][0]})
    assert [path.exists() for _, path in [*files, last]] == [False, False, True, True]
    # What is in use stays, even above the limit.
    big = put(store, tmp_path, b"y" * 400)
    assert [path.exists() for _, path in [*files, last, big]] == [False] * 4 + [True]


def test_a_file_from_another_disk_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def other_disk(source: Path, target: Path) -> None:
        if source.parent != Path(target).parent:
            raise OSError(errno.EXDEV, "other disk")
        real(source, target)

    monkeypatch.setattr(disk, "replace", other_disk)
    path = put(ObjectStore(tmp_path / "cache", 1000), tmp_path, b"video")[1]
    assert path.read_bytes() == b"video"
    assert not (tmp_path / "temp.mkv").exists()


def test_a_full_disk_says_so_and_strays_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore(tmp_path, 1000)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "replace", full)
        with pytest.raises(StoreFull):
            put(store, tmp_path, b"video")
    sha256 = hashlib.sha256(b"video").hexdigest()
    young, old = (store.folder / sha256[:2] / f"{fsio.TEMP_PREFIX}{n}.mkv" for n in (1, 2))
    for stray in (young, old):
        stray.write_bytes(b"")
    os.utime(old, (1e9, 1e9))
    put(store, tmp_path, b"video")
    assert young.is_file() and not old.exists()
