"""The only writer: whole files or none, whole lines or none, and no source overwritten."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from vmafkit import fsio
from vmafkit.errors import (
    OutputError,
    Refused,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    TooLarge,
    Unreadable,
    UsageError,
)
from vmafkit.fsio import disk


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    fsio.write_atomic(target, "größe\n")
    fsio.write_atomic(target, b"second")
    assert target.read_bytes() == b"second"
    assert names(tmp_path) == {"report.html"}


def test_the_temporary_name_is_hidden_and_keeps_the_suffix(tmp_path: Path) -> None:
    with fsio.atomic_path(tmp_path / "out.mkv") as temp:
        assert (temp.parent, temp.suffix) == (tmp_path, ".mkv")
        assert temp.name.startswith(".")
        temp.write_bytes(b"video")
        assert not (tmp_path / "out.mkv").exists()
    assert (tmp_path / "out.mkv").read_bytes() == b"video"
    long = tmp_path / ("x" * 251 + ".mkv")
    fsio.write_atomic(long, b"1")
    assert long.read_bytes() == b"1"


@pytest.mark.parametrize("trouble", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_body_leaves_the_old_file(tmp_path: Path, trouble: BaseException) -> None:
    target = tmp_path / "out.mkv"
    target.write_bytes(b"old")
    with pytest.raises(type(trouble)), fsio.atomic_path(target) as temp:
        temp.write_bytes(b"half")
        raise trouble
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == {"out.mkv"}


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError), fsio.atomic_path(tmp_path / "out.mkv"):
        pass
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreError)],
)
def test_what_went_wrong_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[StoreError]
) -> None:
    monkeypatch.setattr(disk, "write", failing(code))
    target = tmp_path / "out.json"
    with pytest.raises(kind, match=r"out\.json"):
        fsio.write_atomic(target, b"x")
    with pytest.raises(OutputError, match=r"out\.json") as caught:
        fsio.write_atomic(target, b"x", user_output=True)
    assert (caught.value.exit_code, caught.value.code) == (1, "output")
    assert names(tmp_path) == set()


def test_an_output_that_cannot_be_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for target in (tmp_path / "no/out.json", tmp_path / "file/out.json", tmp_path):
        with pytest.raises(OutputError):
            fsio.write_atomic(target, b"x", user_output=True)
    with pytest.raises(OutputError, match="plain file"):
        fsio.write_atomic(Path(os.devnull), b"x", user_output=True)
    assert Path(os.devnull).is_char_device()


def test_a_link_as_output_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"real")
    (tmp_path / "link").symlink_to("real")
    fsio.write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "real").read_bytes() == b"real"
    assert (tmp_path / "link").read_bytes() == b"new"


def test_lines_are_added_and_must_be_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    fsio.append_line(path, b'{"a":1}\n')
    fsio.append_line(path, b'{"a":2}\n')
    assert path.read_bytes() == b'{"a":1}\n{"a":2}\n'
    for bad in (b"", b"{}", b"{}\n{}\n", b"{\n}"):
        with pytest.raises(ValueError, match="line"):
            fsio.append_line(path, bad)


def test_a_short_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    fsio.append_line(path, b'{"a":1}\n')
    with monkeypatch.context() as patch:
        patch.setattr(disk, "write", lambda handle, data: os.write(handle, data[:4]))
        with pytest.raises(StoreFull):
            fsio.append_line(path, b'{"a":2}\n')
    assert path.read_bytes() == b'{"a":1}\n'


def test_a_torn_tail_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert fsio.recover_tail(path) is None
    path.write_bytes(b'{"a":1}\n')
    assert fsio.recover_tail(path) is None
    path.write_bytes(b'{"a":1}\n{"a":' + b"2" * 200_000)
    torn = fsio.recover_tail(path)
    assert torn is not None
    assert torn.name.startswith("rows.jsonl.torn-")
    assert torn.read_bytes() == b'{"a":' + b"2" * 200_000
    assert path.read_bytes() == b'{"a":1}\n'


def test_a_whole_last_row_gets_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}')
    fsio.append_line(path, b'{"a":2}\n')
    assert path.read_bytes() == b'{"a":1}\n{"a":2}\n'
    assert names(tmp_path) == {"rows.jsonl"}


def test_a_writer_sets_aside_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}\n{"a')
    fsio.append_line(path, b'{"a":2}\n')
    assert path.read_bytes() == b'{"a":1}\n{"a":2}\n'
    assert len(names(tmp_path)) == 2


FOREIGN = {
    "another object": b'{"a":1}',
    "one that begins as a row does": b'{"row":1,"a":1}',
    "no text": b"\xff\xfe\0",
    "lines of another kind": b'{"a":1}\n{"row":1,"b":2}',
    "text": b"first line\nsecond",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    rows = fsio.Rows(b'{"row"', lambda line: line.startswith(b'{"row"') and line.endswith(b"2}"))
    path = tmp_path / "notes.json"
    path.write_bytes(content)
    for use in (
        lambda: fsio.recover_tail(path, rows),
        lambda: fsio.append_line(path, b'{"row":2}\n', rows=rows),
    ):
        with pytest.raises(StoreCorrupt, match="notes"):
            use()
        assert path.read_bytes() == content and names(tmp_path) == {"notes.json"}


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_first_row_that_was_cut_short_is_set_aside(tmp_path: Path, cut: int) -> None:
    rows = fsio.Rows(b'{"row"', lambda line: line == b'{"row":2}')
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"row":2}'[:cut])
    assert fsio.recover_tail(path, rows) is not None
    assert path.read_bytes() == b""


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with fsio.FileLock(path), pytest.raises(StoreLocked, match=rf"process {os.getpid()} \("):
        fsio.FileLock(path).__enter__()
    code = "import sys,time; from pathlib import Path; from vmafkit.fsio import FileLock\n"
    code += "FileLock(Path(sys.argv[1])).__enter__(); print('held', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(StoreLocked, match=f"process {child.pid} "):
            fsio.FileLock(path).__enter__()
    finally:
        child.kill()
        child.communicate()
    with fsio.FileLock(path, timeout_s=2.0):
        pass


def source_forms(folder: Path) -> dict[str, Path]:
    source = folder / "clips" / "src.mkv"
    (folder / "sym.mkv").symlink_to(source)
    (folder / "sym2.mkv").symlink_to("sym.mkv")
    (folder / "hard.mkv").hardlink_to(source)
    (folder / "parent").symlink_to("clips")
    return {
        "same": source,
        "dot": folder / "clips" / "." / "src.mkv",
        "relative": Path(os.path.relpath(source)),
        "symlink": folder / "sym.mkv",
        "link to a link": folder / "sym2.mkv",
        "hard link": folder / "hard.mkv",
        "parent link": folder / "parent" / "src.mkv",
        "through the parent": folder / "clips/../clips/src.mkv",
        "through what is not there": folder / "clips/new/../src.mkv",
        "below it": source / "out.mkv",
        "double slash": Path(f"{folder}//clips//src.mkv"),
    }


def test_no_name_of_the_source_is_an_output(tmp_path: Path) -> None:
    source = tmp_path / "clips" / "src.mkv"
    source.parent.mkdir()
    source.write_bytes(b"video")
    other = tmp_path / "other.mkv"
    for form, output in source_forms(tmp_path).items():
        with pytest.raises(UsageError, match="is the source") as caught:
            fsio.refuse_same_file(output, [other, source])
        assert caught.value.exit_code == 2, form
    assert source.read_bytes() == b"video"


def test_another_spelling_of_one_file_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that ignores case, or behind a bind mount: another name, the same inode."""
    source, output = tmp_path / "Clip.mkv", tmp_path / "clip.mkv"
    source.write_bytes(b"video")
    real = Path.stat

    def ignoring_case(self: Path, **kwargs: Any) -> os.stat_result:
        return real(source if self.name.lower() == "clip.mkv" else self, **kwargs)

    fsio.refuse_same_file(output, [source])
    monkeypatch.setattr(Path, "stat", ignoring_case)
    with pytest.raises(UsageError):
        fsio.refuse_same_file(output, [source])


def test_other_outputs_are_let_through(tmp_path: Path) -> None:
    source = tmp_path / "src.mkv"
    source.write_bytes(b"video")
    (tmp_path / "copy.mkv").write_bytes(b"video")
    (tmp_path / "dangling").symlink_to("nowhere")
    for output in ("copy.mkv", "new.mkv", "new/src.mkv", "dangling", "src.mkv.json"):
        fsio.refuse_same_file(tmp_path / output, [source, tmp_path / "missing.mkv"])


def test_a_link_to_a_source_that_is_not_there_yet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.mkv").symlink_to("later.mkv")
    with pytest.raises(UsageError):
        fsio.refuse_same_file(tmp_path / "out.mkv", [tmp_path / "later.mkv"])


def test_only_regular_files_within_the_bound_are_read(tmp_path: Path) -> None:
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    path.write_bytes(b"a\r\nb\rc\n")
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert fsio.read_bytes(link, 8) == b"a\r\nb\rc\n"
    assert fsio.read_text(path) == "a\nb\nc\n"
    with pytest.raises(TooLarge, match="larger than 6 bytes"):
        fsio.read_bytes(path, 6)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "socket"))
        for odd in (pipe, Path("/dev/zero"), tmp_path / "socket"):
            with pytest.raises(Refused, match="a pipe, a device or a socket"):
                fsio.read_bytes(odd)
            with pytest.raises(Refused):
                fsio.sha256_file(odd)
    with pytest.raises(Unreadable, match="is a folder"):
        fsio.read_text(tmp_path)


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * 3_000_000)
    assert fsio.sha256_file(path) == hashlib.sha256(b"a" * 3_000_000).hexdigest()
    with pytest.raises(Unreadable):
        fsio.sha256_file(tmp_path / "missing")
    with pytest.raises(Unreadable):
        fsio.sha256_file(tmp_path)


def test_strays_of_killed_runs_are_removed_when_they_are_old(tmp_path: Path) -> None:
    stray = tmp_path / f"{fsio.TEMP_PREFIX}0123.mkv"
    stray.write_bytes(b"")
    (tmp_path / ".other").write_bytes(b"")
    assert fsio.remove_strays(tmp_path) == 0
    assert fsio.remove_strays(tmp_path, older_than_s=-1.0) == 1
    assert names(tmp_path) == {".other"}


@pytest.mark.parametrize("named", [False, True])
def test_scratch_folders_of_killed_processes_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    @contextlib.contextmanager
    def made() -> Generator[Path]:
        with monkeypatch.context() as patched:
            patched.setattr(tempfile, "tempdir", None if named else str(tmp_path))
            with fsio.scratch_folder(within=tmp_path if named else None) as folder:
                yield folder

    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    with made() as folder:
        assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
        mine, here = folder.name.rsplit("-", 1)[0], folder.name.split("-")[3]
        (folder / "log.json").write_bytes(b"")
    assert names(tmp_path) == set()
    kept = {
        f"{mine}-00000001",
        f"vmafkit-{killed.pid}-1-{'0' * 8}-00000001",
        f"vmafkit-{killed.pid}-1-{here}-words",
        f"vmafkit-words-1-{here}-00000001",
        f"others-{killed.pid}-1-{here}-00000001",
    }
    left = {f"vmafkit-{killed.pid}-{start}-{here}-00000002" for start in ("", "1")}
    left.add(f"vmafkit-{os.getpid()}-1-{here}-00000003")
    for name in kept | left:
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.json").write_text("{}", "utf-8")
    link = tmp_path / f"vmafkit-{killed.pid}-1-{here}-00000004"
    link.symlink_to(tmp_path / f"others-{killed.pid}-1-{here}-00000001")
    with made() as folder:
        assert names(tmp_path) == {*kept, link.name, folder.name}
    assert names(tmp_path) == {*kept, link.name} and (link / "log.json").is_file()


def test_a_message_is_told_without_its_private_folder(tmp_path: Path) -> None:
    room = tmp_path / "a room"
    with fsio.scratch_folder(within=room) as outer, fsio.scratch_folder(within=outer) as inner:
        for text, plain in (
            (f"cannot open file:{inner}/encode12.mkv: no", "cannot open encode.mkv: no"),
            (f"'{inner}/deep/log.json' is empty", "'log.json' is empty"),
            (f"the disk of {inner}", "the disk of the scratch folder"),
            (f"{outer}: no", "the scratch folder: no"),
            (f"{room}x/clip7.mkv", f"{room}x/clip7.mkv"),
        ):
            assert fsio.without_scratch(text, room) == plain


def test_a_scratch_folder_makes_the_room_it_lies_in(tmp_path: Path) -> None:
    with fsio.scratch_folder(within=tmp_path / "cache" / "scratch") as folder:
        assert folder.parent == tmp_path / "cache" / "scratch"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="file"), fsio.scratch_folder(within=tmp_path / "file"):
        pass
