"""The only place that starts a process.

Standard input is null, the child has a session of its own, and it dies with us: on
Linux the kernel kills it when the thread that started it ends, and that thread waits
for it here. Every limit ends in SIGKILL of the whole group, since a program that
blocks on a pipe does not answer SIGTERM.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO

from vmafkit import settings
from vmafkit.errors import Cancelled, ToolFailed, ToolMissing, ToolTimeout

STDERR_TAIL_BYTES = 64 * 1024
GRACE_S = 3.0
_POLL_S = 0.1
_COUNT_EVERY_S = 0.25
# Bounded, since a grandchild may write for ever.
_LAST_READS = 64
_LINE_LIMIT_BYTES = 64 * 1024
# Of a pipe that carries pictures; Linux gives 64 KiB otherwise.
_WIDE_PIPE_BYTES = 1024 * 1024
_in_a_hurry = threading.Event()
# One bound for all programs of this process, since they share one machine.
_most_memory_bytes: int | None = None
_PDEATHSIG_WRAPPER = (
    "import ctypes,os,sys;p=int(sys.argv[1]);"
    "ctypes.CDLL(None).prctl(1,9,0,0,0);"
    "os.getppid()==p or sys.exit(137);os.execv(sys.argv[2],sys.argv[2:])"
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What is known of a process that has ended.

    Attributes:
        argv: the command, without the wrapper that ties it to us.
        exit_status: 0 to 255, or minus the number of the signal that ended it.
        stdout: its first bytes, up to the limit asked for.
        stderr_tail: its last lines, at most 64 KiB, invalid UTF-8 replaced.
        wall_s: seconds from start to end.
        cpu_s: user and system seconds of the process and the children it waited for.
    """

    argv: tuple[str, ...]
    exit_status: int
    stdout: bytes
    stderr_tail: str
    wall_s: float
    cpu_s: float

    @property
    def cause(self) -> str:
        """How it ended, in words."""
        if self.exit_status < 0:
            try:
                return f"killed by {signal.Signals(-self.exit_status).name}"
            except ValueError:
                return f"killed by signal {-self.exit_status}"
        return f"exit status {self.exit_status}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a process.

    Attributes:
        wall_s: longest run in seconds; None for no bound.
        stall_s: longest time in seconds without a byte of output; None for no bound.
        cpu_s: most CPU seconds of it and of all below it; None for no bound. Held on Linux.
        stdout_bytes: how much of standard output is kept.
        hint: the way out when `wall_s` is over.
        memory_bytes: most resident memory, as `bound_memory` sets it for the whole process; the
            smaller of the two holds. None for no bound of its own.
    """

    wall_s: float | None = None
    stall_s: float | None = None
    cpu_s: float | None = None
    stdout_bytes: int = 4 * 1024 * 1024
    hint: str = "raise --timeout"
    memory_bytes: int | None = None

    def within(self, timeout_s: float | None) -> Limits:
        """These bounds, or the user's own where that is shorter: it is then the one to raise."""
        if timeout_s is None or (self.wall_s is not None and self.wall_s <= timeout_s):
            return self
        return replace(self, wall_s=timeout_s, hint=f"{self.hint}, or raise --timeout")


class _Lines:
    """Splits a stream into lines without ever holding a long one."""

    def __init__(self, deliver: Callable[[str], None]) -> None:
        self._deliver = deliver
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *whole, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[-_LINE_LIMIT_BYTES:]
        for line in whole:
            self._deliver(line.decode("utf-8", "replace").rstrip("\r"))


def _tie_words() -> tuple[str, ...]:
    if not sys.platform.startswith("linux"):
        return ()
    setpriv = _setpriv()
    if setpriv:
        return (setpriv, "--pdeathsig", "KILL", "--")
    return (sys.executable, "-I", "-S", "-c", _PDEATHSIG_WRAPPER, str(os.getpid()))


@cache
def _setpriv() -> str | None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    probe = subprocess.run(
        [setpriv, "--pdeathsig", "KILL", "--", "true"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    return setpriv if probe.returncode == 0 else None


def hurry(now: bool = True) -> None:
    """Make every process that is being stopped end at once, without its time of grace."""
    if now:
        _in_a_hurry.set()
    else:
        _in_a_hurry.clear()


def bound_memory(most_bytes: int | None) -> None:
    """Stop every program that takes more resident memory than this; None for no bound.

    A program is looked at four times a second, with all that run below it. Held on Linux.
    """
    global _most_memory_bytes
    _most_memory_bytes = most_bytes


def memory_bound() -> int | None:
    """What `bound_memory` was given, in bytes."""
    return _most_memory_bytes


def children_of(process: Path) -> list[int]:
    """Process ids of what a process, given as its folder under /proc, has started and not awaited.

    A thread that ends while it is looked at has no children any more: Linux gives them to
    another thread of the same process.
    """
    found: list[int] = []
    for children in process.glob("task/*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in children.read_bytes().split()]
    return found


def tree_memory_bytes(pid: int) -> int:
    """Resident memory of a process and of all that run below it, in bytes; 0 off Linux."""
    pages, waiting = 0, [pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        try:
            pages += int((folder / "statm").read_bytes().split()[1])
        except (OSError, IndexError):
            continue
        waiting += children_of(folder)
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process, of all that run below it, and of those it has waited for.

    It reads what Linux tells under /proc, and gives 0.0 elsewhere.
    """
    ticks, waiting = 0, [pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        waiting += children_of(folder)
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else 0.0


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    program = shutil.which(argv[0])
    if program is None:
        raise ToolMissing(
            f"{argv[0]} cannot be run: it is missing or not executable",
            hint="give another path with --ffmpeg-bin or VMAFKIT_FFMPEG",
        )
    try:
        return subprocess.Popen(
            [*_tie_words(), program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=settings.child_environment() if env is None else dict(env),
            start_new_session=True,
            close_fds=True,
        )
    except OSError as error:
        raise ToolMissing(f"{argv[0]} cannot be started: {error.strerror}") from error


def _widen(stream: IO[bytes]) -> None:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _WIDE_PIPE_BYTES)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _stop(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """TERM, then KILL of the whole group; the leader is not reaped here."""
    try:
        _signal_group(process.pid, signal.SIGTERM)
        until = time.monotonic() + grace_s
        while time.monotonic() < until and not _has_ended(process.pid):
            if _in_a_hurry.is_set():
                break
            time.sleep(0.01)
    finally:
        _signal_group(process.pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    # WNOWAIT leaves the child to be reaped by wait4, which alone reports its CPU time.
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class _Watch:
    """One running process: reads its pipes, watches its limits, reaps it."""

    def __init__(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        limits: Limits,
        on_line: Callable[[str], None] | None,
        cancel: threading.Event | None,
        on_stdout: Callable[[int], bool] | None = None,
    ) -> None:
        self.name = name
        self.process = process
        self.limits = limits
        self.cancel = cancel
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.lines = _Lines(on_line) if on_line else None
        self.on_stdout = on_stdout
        self.started = self.last_output = self.last_count = time.monotonic()

    def _take(self, stream: IO[bytes], is_stdout: bool) -> bool:
        if is_stdout and self.on_stdout is not None:
            self.last_output = time.monotonic()
            return self.on_stdout(stream.fileno())
        chunk = os.read(stream.fileno(), 65536)
        if not chunk:
            return False
        self.last_output = time.monotonic()
        if is_stdout:
            self.stdout += chunk[: max(0, self.limits.stdout_bytes - len(self.stdout))]
            if self.lines:
                self.lines.feed(chunk)
        else:
            self.stderr += chunk
            if len(self.stderr) > 2 * STDERR_TAIL_BYTES:
                del self.stderr[:-STDERR_TAIL_BYTES]
        return True

    def _check_limits(self) -> None:
        now = time.monotonic()
        name = self.name
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled(f"{name} was stopped")
        if self.limits.wall_s is not None and now - self.started > self.limits.wall_s:
            raise ToolTimeout(
                f"{name} ran longer than {self.limits.wall_s:g} s and was stopped",
                hint=self.limits.hint,
            )
        if self.limits.stall_s is not None and now - self.last_output > self.limits.stall_s:
            raise ToolTimeout(
                f"{name} made no progress for {self.limits.stall_s:g} s and was stopped"
            )
        if now - self.last_count > _COUNT_EVERY_S:
            self.last_count = now
            self._check_use()

    def _check_use(self) -> None:
        name, most_cpu_s = self.name, self.limits.cpu_s
        bounds = (_most_memory_bytes, self.limits.memory_bytes)
        most_bytes = min((bound for bound in bounds if bound is not None), default=None)
        if most_cpu_s is not None and tree_cpu_s(self.process.pid) > most_cpu_s:
            raise ToolTimeout(
                f"{name} used more than {most_cpu_s:g} s of CPU time and was stopped",
                hint="give it less to do",
            )
        if most_bytes is not None and tree_memory_bytes(self.process.pid) > most_bytes:
            raise ToolFailed(
                f"{name} took more than {most_bytes / 1e6:.0f} MB of memory and was stopped",
                hint="raise --max-memory, or use a faster preset or smaller frames",
                exit_status=-signal.SIGKILL,
            )

    def pump(self) -> None:
        """Read until both pipes are closed or the process has ended."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ, True)
            selector.register(self.process.stderr, selectors.EVENT_READ, False)
            while selector.get_map():
                ready = selector.select(_POLL_S)
                for key, _ in ready:
                    if not self._take(key.fileobj, key.data):  # pyright: ignore[reportArgumentType]
                        selector.unregister(key.fileobj)
                # A grandchild may hold the pipes open after the program itself has ended.
                if not ready and _has_ended(self.process.pid):
                    self._drain(selector)
                    return
                self._check_limits()
        while not _has_ended(self.process.pid):
            self._check_limits()
            time.sleep(0.002)

    def _drain(self, selector: selectors.BaseSelector) -> None:
        """Take what came between the last look at the pipes and the end of the program."""
        for _ in range(_LAST_READS):
            for key, _ in (ready := selector.select(0)):
                if not self._take(key.fileobj, key.data):  # pyright: ignore[reportArgumentType]
                    selector.unregister(key.fileobj)
            if not ready or not selector.get_map():
                return

    def reap(self) -> tuple[int, float]:
        """Collect the process: (exit status, CPU seconds)."""
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode, usage.ru_utime + usage.ru_stime


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    limits: Limits | None = None,
    on_line: Callable[[str], None] | None = None,
    cancel: threading.Event | None = None,
    grace_s: float = GRACE_S,
    env: Mapping[str, str] | None = None,
    what: str = "",
    on_stdout: Callable[[int], bool] | None = None,
    on_cpu_s: Callable[[float], None] | None = None,
) -> Finished:
    """Run a program to its end and report how it ended; never through a shell.

    Args:
        argv: the program and its arguments.
        cwd: the folder it runs in, a private one where it writes files.
        limits: time and output bounds.
        on_line: called with each line of standard output.
        cancel: when set, the process group is killed and Cancelled is raised.
        grace_s: seconds between SIGTERM and SIGKILL.
        env: its environment; None for the short allow-list of outside programs.
        what: its name in messages; left out, the program's.
        on_stdout: reads standard output itself: called with its descriptor when there is
            something to read, and returns False at its end.
        on_cpu_s: told its CPU seconds when it is over, also where a limit or `cancel` ended it;
            on Linux those of programs below it that were killed with it count as well.

    Raises:
        ToolMissing: the program cannot be started.
        ToolTimeout: a limit was passed; the group is dead when this is raised.
        ToolFailed: it took more memory than `bound_memory` allows; the group is dead as well.
        Cancelled: cancel was set; the group is dead when this is raised.
    """
    process = _start(argv, cwd, env)
    name = what or Path(argv[0]).name
    if on_stdout is not None and process.stdout is not None:
        _widen(process.stdout)
    watch = _Watch(name, process, limits or Limits(), on_line, cancel, on_stdout)
    try:
        watch.pump()
    except BaseException:
        so_far_s = tree_cpu_s(process.pid)
        _stop(process, grace_s)
        _, cpu_s = watch.reap()
        if on_cpu_s is not None:
            on_cpu_s(max(so_far_s, cpu_s))
        raise
    finally:
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
    _signal_group(process.pid, signal.SIGKILL)
    exit_status, cpu_s = watch.reap()
    if on_cpu_s is not None:
        on_cpu_s(cpu_s)
    return Finished(
        argv=tuple(argv),
        exit_status=exit_status,
        stdout=bytes(watch.stdout),
        stderr_tail=watch.stderr[-STDERR_TAIL_BYTES:].decode("utf-8", "replace"),
        wall_s=time.monotonic() - watch.started,
        cpu_s=cpu_s,
    )
