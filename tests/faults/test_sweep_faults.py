"""Programs that fail, hang, lie or talk too much, and sources that change, in a sweep."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks
from tests.faketools.fake import FakeFfmpeg, real_ffmpeg
from tests.faketools.zygote import Zygote

from vmafkit import api, errors, fsio, proc
from vmafkit.execute import encode, trial
from vmafkit.execute.events import Event
from vmafkit.store import corpus_file
from vmafkit.store.corpus_file import CorpusFile, read_corpus
from vmafkit.store.trials import TrialStore

Rounds = Callable[[int, int], int]


def sweep(fake: FakeFfmpeg, output: Path, crf: str, **more: Any) -> Any:
    """A sweep in this process."""
    plan = api.plan_corpus([fake.source], crf=[crf], ffmpeg_bin=fake.program)
    return api.corpus(plan, output, **more)


def words(fake: FakeFfmpeg, output: Path, crf: str, *more: str | Path) -> list[str | Path]:
    """The same as a command."""
    base: list[str | Path] = ["corpus", fake.source, "--ffmpeg-bin", fake.program, "--crf", crf]
    return [*base, "--json", "-o", output, *more]


# -- R10: what is not whole is not taken -----------------------------------------------------------

CONTAINERS = {
    "mkv": ("libx264", "-preset", "ultrafast"),
    "mp4": ("libx264", "-preset", "ultrafast"),
    "webm": ("libvpx-vp9", "-cpu-used", "8", "-b:v", "50k"),
    "ivf": ("libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"),
    "y4m": ("rawvideo", "-pix_fmt", "yuv420p"),
}


def cuts_taken(folder: Path, container: str) -> tuple[int, int]:
    """(cuts that were taken for whole, cuts made) of one file."""
    whole = folder / f"whole.{container}"
    picture = "testsrc2=s=128x96:r=25,trim=end_frame=20"
    form = ("-f", "yuv4mpegpipe") if container == "y4m" else ("-c:v",)
    codec = CONTAINERS[container][1:] if container == "y4m" else CONTAINERS[container]
    real_ffmpeg("-f", "lavfi", "-i", picture, *form, *codec, whole)
    assert encode.accept_encode(whole, 20).frame_count == 20
    data = whole.read_bytes()
    dice = random.Random(container)
    places = [0, 1, len(data) - 1, len(data) - 2, len(data) - 8]
    places += [dice.randrange(2, len(data)) for _ in range(15)]
    taken = 0
    for place in places:
        cut = folder / f"cut.{container}"
        cut.write_bytes(data[:place])
        try:
            encode.accept_encode(cut, 20)
            taken += 1
        except errors.ResultInvalid:
            pass
    return taken, len(places)


@pytest.mark.parametrize("container", CONTAINERS)
def test_r10_a_cut_encode_is_refused(tmp_path: Path, container: str) -> None:
    assert cuts_taken(tmp_path, container) == (0, 20)


def test_r10_a_cut_encode_becomes_an_error_row_and_is_not_remembered(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    fake.hook('[ $kind = encode ] && head -c 900 "$here/clips/$crf.mkv" > "$output" && exit 0')
    result = sweep(fake, tmp_path / "c.jsonl", "20:24")
    assert result.failed == 5
    codes = {row.error_code for row in read_corpus(tmp_path / "c.jsonl")}
    assert codes <= {"truncated", "frame-count"}
    with TrialStore(new_cache) as store:
        assert store.find() == []


def test_r51_trusting_the_exit_code_takes_cut_encodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = encode.open_source

    def trusting(path: Path) -> Any:
        try:
            return real(path)
        except errors.InputError:
            return real(path.with_stem("whole"))

    monkeypatch.setattr(encode, "open_source", trusting)
    taken, _ = cuts_taken(tmp_path, "mkv")
    assert taken > 0


# -- R13: two for one cell -------------------------------------------------------------------------


@pytest.mark.slow
def test_r13_two_sweeps_share_their_cells(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    # A slow encode lets the second one come upon the claim of the first.
    fake.hook("[ $kind = encode ] && sleep 0.25")
    many, takeovers, slowest_s = rounds(6, 100), 0, 0.0
    cache = str(tmp_path / "cache")
    for number in range(many):
        output, crf = tmp_path / f"{number}.jsonl", f"{number % 52}"
        source = tmp_path / f"{number}.y4m"
        # Other bytes make another cell.
        source.write_bytes(fake.source.read_bytes()[:-1] + bytes([number]))
        fake.forget()
        line = ["corpus", source, "--ffmpeg-bin", fake.program, "--crf", crf, "--json"]
        pair = [
            zygote.start([*line, "-o", output], tmp_path / f"{n}{number}", VMAFKIT_CACHE=cache)
            for n in "ab"
        ]
        if number % 2:
            until = time.monotonic() + 20
            while not fake.starts():
                assert time.monotonic() < until
                time.sleep(0.005)
            with sqlite3.connect(Path(cache) / "trials.sqlite") as link:
                (owner,) = link.execute("SELECT pid FROM claims").fetchone()
            link.close()
            killed = next(each for each in pair if each.pid == owner)
            other = next(each for each in pair if each.pid != owner)
            assert other.wait_for("trial-started")
            killed.kill(signal.SIGKILL)
            began = time.monotonic()
            killed.wait()
            while len(fake.starts()) < 2:
                assert time.monotonic() < began + 10
                time.sleep(0.005)
            slowest_s = max(slowest_s, time.monotonic() - began)
            takeovers += 1
            assert other.wait() == 0, other.stderr()
        else:
            assert [each.wait() for each in pair] == [0, 0]
            assert len(fake.starts()) == 1
        assert len(read_corpus(output)) == 1
    print(f"R13: {many} pairs, {takeovers} takeovers, slowest {slowest_s:.2f} s")
    assert takeovers == many // 2
    assert slowest_s <= 2.0


def two_writers(path: Path) -> int:
    """How many rows two files opened on one path write for one cell."""
    from tests.faults.test_store_faults import row

    writers = [CorpusFile(path), CorpusFile(path)]
    for writer in writers:
        writer.append(row("k"))
    return len(read_corpus(path))


def test_two_sweeps_write_one_row_for_a_cell(tmp_path: Path) -> None:
    assert two_writers(tmp_path / "c.jsonl") == 1


def test_r51_without_the_look_under_the_lock_rows_are_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CorpusFile, "_has", lambda *_: False)
    assert two_writers(tmp_path / "c.jsonl") == 2


# -- R14: the source changes -----------------------------------------------------------------------


@pytest.mark.parametrize("change", ["grown", "replaced", "touched-up", "removed"])
@pytest.mark.parametrize("stage", ["encode", "score"])
def test_r14_a_source_that_changes_leaves_no_row(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, stage: str, change: str
) -> None:
    act = {
        "grown": 'echo x >> "$here/source.y4m"',
        "replaced": 'cp "$here/source.y4m" "$here/n"; mv "$here/n" "$here/source.y4m"',
        "touched-up": 'printf x | dd of="$here/source.y4m" bs=1 seek=500 conv=notrunc 2>/dev/null',
        "removed": 'rm -f "$here/source.y4m"',
    }[change]
    plain = fake.source.read_bytes()
    hits = 0
    for number in range(3):
        fake.source.unlink(missing_ok=True)
        fake.source.write_bytes(plain)
        fake.hook(f"[ $kind = {stage} ] && {{ {act}; }}")
        seen: list[Event] = []
        result = sweep(fake, tmp_path / "c.jsonl", f"2{number}:29", on_event=seen.append, workers=1)
        assert result.failed == result.cells > 1
        codes = [event.payload["error"] for event in seen if event.type == "trial-finished"]
        assert set(codes) == {"changed"}
        hits += len(codes)
        # The first cell is enough to know it.
        assert len(fake.starts()) == number + 1
    with TrialStore(new_cache) as store:
        assert store.find() == []
    assert not (tmp_path / "c.jsonl").exists()
    assert hits >= 20


# -- R15: an output that is the source -------------------------------------------------------------

FORMS = ("same", "symlink", "hardlink", "dots", "relative", "parent-link", "source-link", "child")


def other_name(source: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """(source, output): one file under two names."""
    folder = source.parent
    if form == "symlink":
        (folder / "link").symlink_to(source)
        return source, folder / "link"
    if form == "hardlink":
        (folder / "hard").hardlink_to(source)
        return source, folder / "hard"
    if form == "dots":
        (folder / "sub").mkdir()
        return source, folder / "sub" / ".." / source.name
    if form == "relative":
        monkeypatch.chdir(folder)
        return source, Path(source.name)
    if form == "parent-link":
        folder.with_name("other").symlink_to(folder)
        return source, folder.with_name("other") / source.name
    if form == "source-link":
        (folder / "link").symlink_to(source)
        return folder / "link", source
    return source, source / "below.jsonl" if form == "child" else source


@pytest.mark.parametrize("form", FORMS)
def test_r15_the_corpus_is_never_the_source(
    fake: FakeFfmpeg, new_cache: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    source, output = other_name(fake.source, form, monkeypatch)
    before = fsio.sha256_file(fake.source)
    plan = api.plan_corpus([source], crf=["20"], ffmpeg_bin=fake.program)
    with pytest.raises(errors.UsageError, match="is the source"):
        api.corpus(plan, output)
    assert fsio.sha256_file(fake.source) == before
    assert fake.starts() == []


@pytest.mark.parametrize("form", ("same", "symlink", "hardlink", "parent-link"))
def test_r15_a_kept_encode_is_never_a_source(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, form: str
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    clip = folder / "source__libx264__medium__20.mkv"
    real_ffmpeg("-i", fake.source, "-c:v", "ffv1", clip)
    given, where = fake.source, folder
    if form in ("symlink", "hardlink"):
        moved = clip.rename(tmp_path / "film.mkv")
        (clip.symlink_to if form == "symlink" else clip.hardlink_to)(moved)
        clip = moved
    if form == "parent-link":
        where = tmp_path / "again"
        where.symlink_to(folder)
    before = fsio.sha256_file(clip)
    # The clip that would be overwritten is another source of the same sweep.
    plan = api.plan_corpus([given, clip], crf=["20"], ffmpeg_bin=fake.program)
    with pytest.raises(errors.UsageError, match="is the source"):
        api.corpus(plan, tmp_path / "c.jsonl", encode_dir=where)
    assert fsio.sha256_file(clip) == before


def test_r15_an_export_is_never_the_corpus(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    output = tmp_path / "c.jsonl"
    sweep(fake, output, "20")
    before = fsio.sha256_file(output)
    (tmp_path / "link.parquet").symlink_to(output)
    for name in ("c.jsonl", "link.parquet"):
        with pytest.raises(errors.UsageError):
            api.export(output, tmp_path / name)
    assert fsio.sha256_file(output) == before


# -- R20: nothing grows ----------------------------------------------------------------------------


def _held() -> tuple[int, int, int]:
    rss = int(Path("/proc/self/statm").read_text().split()[1])
    return rss, len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


@pytest.mark.slow
def test_r20_many_cells_leave_nothing_behind(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, rounds: Rounds
) -> None:
    presets = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
    many = rounds(3, 7)
    plan = api.plan_corpus(
        [fake.source], preset=presets[:many], crf=["0:49"], ffmpeg_bin=fake.program
    )
    # Libraries open what they keep for good when they are first used.
    first = api.plan_corpus([fake.source], preset=presets[:1], crf=["51"], ffmpeg_bin=fake.program)
    api.corpus(first, tmp_path / "first.jsonl")
    seen: list[tuple[int, int, int]] = []

    def watch(event: Event) -> None:
        if event.type == "trial-finished":
            seen.append(_held())

    before = _held()
    result = api.corpus(plan, tmp_path / "c.jsonl", workers=2, on_event=watch)
    after = _held()
    assert result.measured == many * 50 == len(seen)
    early, late = seen[50][0], seen[-1][0]
    print(f"R20: {many * 50} cells, RSS {early} to {late} pages, {before[1:]} to {after[1:]}")
    assert late <= early * 1.05
    # What two workers hold at one moment varies; a leak would add one a cell, 100 and more.
    assert max(held[1] for held in seen[50:]) <= max(held[1] for held in seen[:50]) + 10
    assert after[1:] == before[1:]
    assert not list((new_cache / "scratch").iterdir())


# -- R23: stopping ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_r23_a_signal_stops_a_sweep_at_any_time(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    fake.hook("[ $kind = encode ] && sleep 0.02")
    dice = random.Random(23)
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
    many, landed, slowest_s = rounds(9, 100), 0, 0.0
    output = tmp_path / "c.jsonl"
    acknowledged: set[str] = set()
    attempt = 0
    while landed < many:
        number = list(codes)[attempt % 3]
        folder = tmp_path / f"run{attempt}"
        attempt += 1
        more = ("--workers", "4", "--preset", "ultrafast,superfast,veryfast,faster,fast")
        line = words(fake, output, "0:51", *more)
        command = zygote.start(line, folder, VMAFKIT_CACHE=str(tmp_path / "cache"))
        assert command.wait_for("sweep-started")
        time.sleep(dice.uniform(0, 0.3))
        began = time.monotonic()
        command.kill(number)
        status = command.wait()
        slowest_s = max(slowest_s, time.monotonic() - began)
        acknowledged |= checks.acknowledged(command)
        # Once the work is done the process is only leaving, and takes a signal as any does.
        if status == 0 or (status == -number and command.events("sweep-finished")):
            output, acknowledged = tmp_path / f"c{attempt}.jsonl", set()
            (tmp_path / "cache" / "trials.sqlite").unlink()
            continue
        landed += 1
        assert status == codes[number], command.stderr()
        assert "run the same command again to go on" in command.stderr()
        assert "Traceback" not in command.stderr()
        rows = output.read_bytes() if output.exists() else b""
        assert not rows or rows.endswith(b"\n")
        assert acknowledged <= set(checks.good_keys(output)) and not checks.doubled(output)
        assert checks.all_gone(fake.folder, 1.0)
        assert not list((folder / "tmp").iterdir())
    print(f"R23: {landed} stops, slowest {slowest_s:.2f} s")


def test_r23_a_second_ctrl_c_does_not_wait(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    fake.hook("trap '' TERM; echo on >> \"$here/deaf\"; while :; do sleep 0.05; done")
    slowest_s = 0.0
    for number in range(rounds(2, 20)):
        line = words(fake, tmp_path / "c.jsonl", "20:23", "--workers", "4")
        cache = str(tmp_path / "cache")
        # With so long a grace only the second one can end it in time.
        patient = "from vmafkit import proc; proc.run.__kwdefaults__['grace_s'] = 600.0"
        command = zygote.start(
            line, tmp_path / f"run{number}", sabotage=patient, VMAFKIT_CACHE=cache
        )
        until = time.monotonic() + 20
        while not (fake.folder / "deaf").exists() or (
            (fake.folder / "deaf").read_text().count("on") < 4
        ):
            assert time.monotonic() < until, command.stderr()
            time.sleep(0.01)
        (fake.folder / "deaf").unlink()
        command.kill(signal.SIGINT)
        time.sleep(0.5)
        assert checks.programs_under(fake.folder)
        began = time.monotonic()
        command.kill(signal.SIGINT)
        assert command.wait() == 130
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert checks.all_gone(fake.folder, 1.0)
    print(f"R23: after the second Ctrl-C at most {slowest_s:.2f} s")


def test_a_sweep_that_waits_for_another_can_be_stopped(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path
) -> None:
    fake.hook("n=0; while [ $n -lt 300 ]; do n=$((n+1)); sleep 0.1; done")
    cache = str(tmp_path / "cache")
    first = zygote.start(words(fake, tmp_path / "a", "20"), tmp_path / "1", VMAFKIT_CACHE=cache)
    assert first.wait_for("trial-started")
    until = time.monotonic() + 10
    while not fake.starts():
        assert time.monotonic() < until
        time.sleep(0.01)
    second = zygote.start(words(fake, tmp_path / "b", "20"), tmp_path / "2", VMAFKIT_CACHE=cache)
    assert second.wait_for("trial-started")
    second.kill(signal.SIGINT)
    assert second.wait(20.0) == 130
    first.kill(signal.SIGKILL)
    first.wait()


# -- R24, R25, R27: programs that misbehave --------------------------------------------------------


def test_r24_r25_r27_each_fault_is_a_row_and_the_others_finish(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    cases = {
        "20": ("trap '' TERM; while :; do sleep 0.05; done", "tool-timeout", "ran longer"),
        "21": ("kill -STOP $$", "tool-timeout", "ran longer"),
        "22": ('mkfifo "$output.f"; cat "$output.f"', "tool-timeout", "ran longer"),
        "23": ("kill -KILL $$", "encode-failed", "SIGKILL"),
        "24": ("kill -SEGV $$", "encode-failed", "SIGSEGV"),
        "25": ("kill -ABRT $$", "encode-failed", "SIGABRT"),
        "26": ('cat "$here/clips/$crf.mkv" > "$output"; exit 255', "encode-failed", "255"),
        "27": ("exit 0", "truncated", "whole"),
        "28": ('cat "$here/clips/$crf.mkv" > "$output"; rm -f vmaf.json; exit 3',
               "encode-failed", "status 3"),
    }  # fmt: skip
    loud = {
        "30": "head -c 50000000 /dev/zero | tr '\\0' y >&2",
        "31": "head -c 2000000 /dev/urandom >&2",
    }
    bodies = {**{crf: case[0] for crf, case in cases.items()}, **loud}
    text = "".join(f"{crf}) {body} ;;\n" for crf, body in bodies.items())
    fake.hook(f"[ $kind = encode ] && case $crf in\n{text}esac")
    result = sweep(fake, tmp_path / "c.jsonl", "20:32", workers=4, timeout_s=4.0)
    assert (result.failed, result.measured) == (len(cases), 13 - len(cases))
    rows = {f"{row.crf:g}": row for row in read_corpus(tmp_path / "c.jsonl")}
    for crf, (_, code, said) in cases.items():
        row = rows[crf]
        assert row.exit_status != 0 and row.vmaf_score is None
        assert row.error_code == code, (crf, row.error)
        assert said in (row.error or ""), crf
    assert rows["23"].exit_status == -signal.SIGKILL
    # The killed ones were not tried more than twice.
    assert max(fake.starts().count(crf) for crf in cases) <= 2
    fake.hook("")
    again = sweep(fake, tmp_path / "c.jsonl", "20:32", workers=2)
    assert (again.failed, again.measured, again.skipped) == (0, len(cases), 4)
    assert not checks.doubled(tmp_path / "c.jsonl")


def test_the_last_words_of_a_program_are_never_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may write and end between our last look at its pipes and the look at itself."""
    real = proc._has_ended

    def late(pid: int) -> bool:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return real(pid)

    monkeypatch.setattr(proc, "_has_ended", late)
    said = "sleep 0.4; echo out; echo err >&2"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(0o755)
    lines: list[str] = []
    done = proc.run([str(program)], cwd=tmp_path, on_line=lines.append)
    assert (done.stdout, done.stderr_tail, lines) == (b"out\n", "err\n", ["out"])


def grandchild_survives(fake: FakeFfmpeg, folder: Path) -> bool:
    """Whether a program that the tool has started outlives the tool."""
    fake.hook('sleep 20 & echo $! > "$here/grandchild"; wait')
    with pytest.raises(errors.ToolTimeout):
        proc.run(
            [str(fake.program), "-c:v", "x"],
            cwd=folder,
            limits=proc.Limits(wall_s=0.4),
            grace_s=0.2,
        )
    pid = int((fake.folder / "grandchild").read_text())
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        try:
            if " Z " in Path(f"/proc/{pid}/stat").read_text():
                return False
        except OSError:
            return False
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return True


@pytest.mark.parametrize("sabotaged", [False, True])
def test_r51_without_the_group_a_grandchild_survives(
    fake: FakeFfmpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotaged: bool
) -> None:
    if sabotaged:
        monkeypatch.setattr(proc, "_signal_group", lambda pid, number: os.kill(pid, number))
    assert grandchild_survives(fake, tmp_path) is sabotaged


# -- R26: standard input ---------------------------------------------------------------------------


def test_r26_standard_input_is_left_alone(tmp_path: Path, new_cache: Path) -> None:
    clip = tmp_path / "clip.mkv"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25,trim=end_frame=20", clip)
    typed = b'q\nq\n{"jsonrpc": "2.0"}\n'
    reads, writes = os.pipe()
    os.write(writes, typed)
    line = [sys.executable, "-c", "from vmafkit.cli.tune import main; main()", "corpus", str(clip)]
    done = subprocess.run(
        [*line, "--preset", "ultrafast", "--crf", "30", "-o", str(tmp_path / "c.jsonl")],
        stdin=reads, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(writes)
    assert done.returncode == 0, done.stderr
    assert os.read(reads, 1000) == typed
    os.close(reads)
    (row,) = read_corpus(tmp_path / "c.jsonl")
    assert row.source_frame_count == 20


# -- R28: the same rows everywhere -----------------------------------------------------------------


def test_r28_surroundings_do_not_change_the_rows(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path
) -> None:
    surroundings: list[tuple[str, dict[str, str]]] = [
        ("1", {"LC_ALL": "C"}),
        ("4", {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
        ("16", {"TZ": "Asia/Kathmandu", "COLUMNS": "20"}),
        ("2", {"TZ": "Pacific/Apia", "NO_COLOR": "1", "TERM": "dumb"}),
    ]
    found: list[Any] = []
    for number, (workers, environment) in enumerate(surroundings):
        output = tmp_path / f"{number}.jsonl"
        status, command = zygote.run(
            words(fake, output, "20:27", "--workers", workers), tmp_path / f"run{number}",
            VMAFKIT_CACHE=str(tmp_path / f"cache{number}"), **environment,
        )  # fmt: skip
        assert status == 0, command.stderr()
        found.append(checks.facts(output))
    assert len(found[0]) == 8
    assert all(each == found[0] for each in found)


# -- full disks and folders that cannot be used ----------------------------------------------------


def test_r17_a_full_disk_ends_the_sweep_and_the_next_run_goes_on(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    full = "echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 228"
    fake.hook(f"[ $kind = encode ] && [ $crf = 22 ] && {{ {full}; }}")
    with pytest.raises(errors.StoreFull):
        sweep(fake, tmp_path / "c.jsonl", "20:25", workers=1)
    assert len(checks.good_keys(tmp_path / "c.jsonl")) == 2
    fake.hook("")
    result = sweep(fake, tmp_path / "c.jsonl", "20:25", workers=1)
    assert (result.skipped, result.measured, result.failed) == (2, 4, 0)


def test_a_keeping_folder_that_fills_up_ends_the_sweep(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise errors.OutputError("cannot write x: the disk is full")

    monkeypatch.setattr(trial.fsio, "copy_atomic", full)
    with pytest.raises(errors.OutputError):
        sweep(fake, tmp_path / "c.jsonl", "20:25", keep_encodes=True, workers=1)
    assert len(fake.starts()) == 1


def test_rows_of_a_corpus_that_others_write_are_seen(tmp_path: Path) -> None:
    from tests.faults.test_store_faults import row

    path = tmp_path / "c.jsonl"
    mine, other = CorpusFile(path), CorpusFile(path)
    for index in range(50):
        assert other.append(row(f"k{index}", note="x" * 40_000))
    assert not mine.append(row("k0")) and not mine.append(row("k49"))
    assert mine.append(row("new"))
    # A file that was begun anew is read anew.
    path.unlink()
    assert mine.append(row("k0")) and not other.append(row("k0"))
    assert corpus_file.latest(mine.rows()) == mine.rows()
