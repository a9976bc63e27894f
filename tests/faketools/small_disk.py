"""A small disk of its own: runs `vmaf-tune` on one that is full, read-only, or both in turn.

As a program (under `unshare -rm`, so that it may mount) it reads one JSON list of orders and
prints one JSON line for each.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

NEEDED = ("unshare", "-rm")


def may_mount() -> bool:
    """Whether this machine lets us have a disk of our own."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(
        [*NEEDED, "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, check=False
    )
    return done.returncode == 0


def ask(orders: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Have the orders done on a disk that is mounted at `folder`, and see what came of them."""
    done = subprocess.run(
        [*NEEDED, sys.executable, __file__, str(folder)],
        input=json.dumps(orders), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def _run(order: dict[str, Any], folder: Path) -> dict[str, Any]:
    for words in order.get("mount", []):
        subprocess.run(["mount", *words, str(folder)], check=True)
    if order.get("clear"):
        for each in folder.iterdir():
            shutil.rmtree(each)
    for name in ("cache", "tmp", "out") if "argv" in order else ():
        try:
            (folder / name).mkdir(exist_ok=True)
        except OSError:
            break
    began = time.monotonic()
    said: dict[str, str] = {}
    status = None
    if "argv" in order:
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            _child(order["argv"], order["environment"], write)
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            said["output"] = stream.read().decode("utf-8", "replace")
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    facts = os.statvfs(folder)
    corpus = folder / "out" / "c.jsonl"
    return {
        "status": status,
        "wall_s": time.monotonic() - began,
        "used_bytes": (facts.f_blocks - facts.f_bfree) * facts.f_frsize,
        "rows": corpus.read_text("utf-8", "replace") if corpus.exists() else "",
        "left": [each.name for each in (folder / "tmp").glob("*")],
        **said,
    }


def _child(argv: list[str], environment: dict[str, str], write: int) -> None:
    code = 99
    try:
        os.environ.update(environment)
        os.dup2(write, 1)
        os.dup2(write, 2)
        sys.argv = ["vmaf-tune", *argv]
        from vmafkit.cli.tune import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    import vmafkit.api._corpus
    import vmafkit.cli.progress
    import vmafkit.encoders.x264  # noqa: F401

    folder = Path(sys.argv[1])
    for order in json.load(sys.stdin):
        print(json.dumps(_run(order, folder)), flush=True)


if __name__ == "__main__":
    _serve()
