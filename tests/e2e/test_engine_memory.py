"""The engine's kernels under valgrind: no read or write outside what is theirs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vmafkit.scoring.engine.build import build, missing_tools
from vmafkit.scoring.engine.native import LIBRARY_NAME

_SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from vmafkit.scoring.engine.engine import Engine
from vmafkit.scoring.engine.native import load

library = load(Path(sys.argv[1]))
rng = np.random.default_rng(0)
for width, height, depth in ((41, 43, 8), (90, 61, 10), (66, 52, 16)):
    kind = np.uint8 if depth == 8 else np.uint16
    with Engine(
        width, height, distorted=2, bit_depth=depth, gains=(100.0, 1.0), library=library
    ) as engine:
        for _ in range(2):
            one, *others = rng.integers(0, 1 << depth, (3, height, width)).astype(kind)
            engine.push(one, others)
        assert np.isfinite(engine.finish().adm).all()
if sys.argv[2] == "beyond":
    room = np.zeros(64, np.uint8)
    library.handle.vmafkit_extend(room.ctypes.data, 8, 1, 8, 8, 0, 64, 0)
    import os
    os._exit(0)
print("done")
"""


def told(library: Path, folder: Path, how: str) -> str:
    """What valgrind says of the engine; Python and numpy have findings of their own."""
    log = folder / f"{how}.log"
    environment = {**os.environ, "PYTHONMALLOC": "malloc", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        ["valgrind", "-q", f"--log-file={log}", sys.executable, "-c", _SCRIPT, library, how],
        env=environment, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert how == "beyond" or "done" in done.stdout, done.stderr[-2000:]
    findings = log.read_text().split("== \n")
    return "\n".join(finding for finding in findings if LIBRARY_NAME in finding)


@pytest.mark.slow
def test_no_kernel_touches_what_is_not_its_own(tmp_path: Path) -> None:
    if shutil.which("valgrind") is None or missing_tools():
        pytest.skip(f"valgrind is not here, or {missing_tools() or 'nothing else'}")
    # Valgrind knows no AVX-512. Every piece of scratch is a block of its own.
    made = build(tmp_path / "engine", machines=["avx2"], plain_malloc=True).path
    assert told(made, tmp_path, "within") == ""
    assert "Invalid write" in told(made, tmp_path, "beyond")
