"""Programs that fail, hang, lie or talk too much in a sweep, and disks that fill up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks
from tests.faketools.fake import FakeFfmpeg, real_ffmpeg
from tests.faketools.zygote import Zygote
from tests.sweep_kit import sweep, words

from vmafkit import errors, proc
from vmafkit.execute import trial
from vmafkit.store import corpus_file
from vmafkit.store.corpus_file import CorpusFile, read_corpus

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


def test_a_failure_is_told_in_the_same_words_by_every_run(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    """The folders and the order in which trials were encoded differ from run to run."""
    fake.hook(
        """[ $kind = encode ] && case $crf in
        21) exit 0 ;;
        22) head -c 900 "$here/clips/$crf.mkv" > "$output"; exit 0 ;;
        23) echo "cannot write $output" >&2; exit 1 ;;
        24) echo "no room in ${output%/*}" >&2; exit 1 ;;
        esac"""
    )
    said: list[dict[float, str | None]] = []
    for number, values in enumerate(("20:25", "24,23,22,21")):
        output = tmp_path / f"{number}.jsonl"
        sweep(fake, output, values, workers=1 + number)
        said.append({row.crf: row.error for row in read_corpus(output) if row.exit_status})
    assert said[0] == said[1] and set(said[0]) == {21, 22, 23, 24}
    text = " ".join(map(str, said[0].values()))
    assert "vmafkit-" not in text and str(new_cache) not in text
    source = str(fake.source)
    assert f"what libx264 made of {source} (medium, crf 21) does not exist" in (said[0][21] or "")
    assert "cannot write encode.mkv" in text and "no room in the scratch folder" in text


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
