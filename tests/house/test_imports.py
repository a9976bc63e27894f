"""What importing pulls in, and that a room imports only from the rooms below it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .tree import ROOT

# Slow to import: a program that only asks for a function must not wait for them.
HEAVY = (
    "av", "numpy", "onnx", "onnxruntime", "pandas", "polars", "pyarrow", "pydantic", "scipy",
    "sklearn", "torch", "plotly", "dask", "rich", "mcp",
)  # fmt: skip


def _loaded(code: str) -> set[str]:
    """The modules that are loaded after some code ran in a fresh interpreter."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(shown.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import vmafkit",
        "import vmafkit.api",
        "from vmafkit.cli import vmaf; vmaf.parser().format_help()",
        "import vmafkit.cli.tune",
        "import vmafkit.cli.kit",
    ],
)
def test_importing_pulls_in_nothing_heavy(code: str) -> None:
    loaded = _loaded(code)
    assert "vmafkit" in loaded
    assert sorted(loaded & set(HEAVY)) == []


def test_a_heavy_import_would_be_seen() -> None:
    assert "numpy" in _loaded("import vmafkit.scoring.score") & set(HEAVY)


def _layers(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [script, "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
    )  # fmt: skip


def test_a_room_imports_only_from_below(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.onnx")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    kept = _layers(tmp_path)
    assert kept.returncode == 0, kept.stdout
    with (tmp_path / "src/vmafkit/errors.py").open("a") as file:
        file.write("import vmafkit.api\n")
    broken = _layers(tmp_path)
    assert broken.returncode != 0
    assert "vmafkit.errors -> vmafkit.api" in broken.stdout
