import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vmafkit import proc
from vmafkit.errors import Cancelled, ToolMissing, ToolTimeout


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_status_output_and_times_are_reported(tmp_path: Path) -> None:
    lines: list[str] = []
    done = proc.run(
        python("import sys; print('a'); print('b'); print('oh', file=sys.stderr); sys.exit(3)"),
        cwd=tmp_path,
        on_line=lines.append,
    )
    assert (done.exit_status, done.stdout, done.stderr_tail) == (3, b"a\nb\n", "oh\n")
    assert lines == ["a", "b"]
    assert done.wall_s > 0
    assert done.cpu_s > 0


def test_a_death_by_signal_is_named(tmp_path: Path) -> None:
    done = proc.run(python("import os; os.kill(os.getpid(), 11)"), cwd=tmp_path)
    assert done.exit_status == -signal.SIGSEGV
    assert done.cause == "killed by SIGSEGV"


def test_standard_input_is_empty(tmp_path: Path) -> None:
    done = proc.run(python("import sys; print(len(sys.stdin.read()))"), cwd=tmp_path)
    assert done.stdout == b"0\n"


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="no-such-program"):
        proc.run(["no-such-program"], cwd=tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "import os; os.mkfifo('f'); open('f')",
        "import os,signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import subprocess,sys; subprocess.run([sys.executable,'-c','import time;time.sleep(60)'])",
    ],
    ids=["ignores TERM", "blocked on a FIFO", "stopped", "waits for a grandchild"],
)
def test_r24_a_limit_ends_every_kind_of_hang(tmp_path: Path, code: str) -> None:
    started = time.monotonic()
    with pytest.raises(ToolTimeout):
        proc.run(python(code), cwd=tmp_path, limits=proc.Limits(wall_s=0.5), grace_s=0.5)
    assert time.monotonic() - started < 5.5


def test_r24_a_stall_without_output_ends_it(tmp_path: Path) -> None:
    code = "import time\nprint('x', flush=True)\ntime.sleep(60)"
    with pytest.raises(ToolTimeout, match="no progress"):
        proc.run(python(code), cwd=tmp_path, limits=proc.Limits(stall_s=0.5), grace_s=0.2)


def test_cancel_kills_the_whole_group(tmp_path: Path) -> None:
    cancel = threading.Event()
    code = (
        "import subprocess,sys,time\n"
        "p = subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)'])\n"
        "print(p.pid, flush=True)\ntime.sleep(60)"
    )
    pids: list[int] = []

    def started(line: str) -> None:
        pids.append(int(line))
        cancel.set()

    with pytest.raises(Cancelled):
        proc.run(python(code), cwd=tmp_path, on_line=started, cancel=cancel, grace_s=0.2)
    assert gone_within(pids[0], 2.0)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nb=b'x'*65536\nfor _ in range(16384): os.write(1,b)",
        "import os\nb=b'\\xff\\xfe\\n'*20000\nfor _ in range(1000): os.write(2,b)",
        "import os\nb=b'y'*1048576\nfor _ in range(50): os.write(2,b)",
    ],
    ids=["1 GB on stdout", "invalid UTF-8", "one line of 50 MB"],
)
def test_r25_a_chatterbox_neither_blocks_nor_fills_memory(tmp_path: Path, code: str) -> None:
    measure = (
        "import resource,sys,json\nfrom pathlib import Path\nfrom vmafkit import proc\n"
        "before=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"d=proc.run([sys.executable,'-c',{code!r}],cwd=Path('.'),on_line=lambda line: None)\n"
        "after=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(json.dumps([d.exit_status, after-before, len(d.stderr_tail.encode())]))"
    )
    out = subprocess.run(python(measure), cwd=tmp_path, capture_output=True, check=True, timeout=60)
    status, grown_kib, tail = json.loads(out.stdout)
    assert status == 0
    assert grown_kib <= 32 * 1024
    assert tail <= 3 * proc.STDERR_TAIL_BYTES


def orphan(folder: Path, *setting_up: str) -> int:
    """A process whose parent started it by `proc.run` and was killed."""
    code = "\n".join((
        "import sys", "from pathlib import Path", "from vmafkit import proc", *setting_up,
        "child = 'import os,time; print(os.getpid(),flush=True); time.sleep(60)'",
        "show = lambda line: print(line, flush=True)",
        "proc.run([sys.executable, '-c', child], cwd=Path('.'), on_line=show)",
    ))  # fmt: skip
    parent = subprocess.Popen(python(code), cwd=folder, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    return child


def test_r22_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    assert gone_within(orphan(tmp_path), 2.0)


def test_r51_without_the_tie_the_orphan_is_seen(tmp_path: Path) -> None:
    child = orphan(tmp_path, "proc._tie_words = lambda *_: ()")
    assert not gone_within(child, 0.5)
    os.kill(child, signal.SIGKILL)


def test_children_are_found_while_threads_come_and_go() -> None:
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()

    churners = [threading.Thread(target=churn) for _ in range(4)]
    with subprocess.Popen(python("input()"), stdin=subprocess.PIPE) as child:
        for thread in churners:
            thread.start()
        found = [proc.children_of(Path("/proc/self")) for _ in range(300)]
        stop.set()
        for thread in churners:
            thread.join()
        assert child.stdin is not None
        child.stdin.close()
    assert all(child.pid in children for children in found)
