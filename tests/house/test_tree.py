"""Nothing in the tree belongs to one machine, and nothing in it is a stray file."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .tree import ROOT

# Written in parts, so that this file does not hold what it looks for.
_FOLDERS = ("/work" + "/main", "/work" + "/shared", "/tmp" + "/w/", "/home" + "/", "/root" + "/",
            "/opt" + "/venv", "C:" + "\\Users")  # fmt: skip
_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "download.pytorch" + ".org",
          "--index" + "-url", "--extra-index" + "-url", "npmjs" + ".com")  # fmt: skip
_SUFFIXES = {
    ".py", ".md", ".toml", ".json", ".txt", ".svg", ".yml", ".yaml", ".cfg", ".ini", "", ".csv",
    ".html", ".j2", ".sh", ".jsonl",
}  # fmt: skip
_UNKEPT = {
    ".git", ".venv", "__pycache__", "dist", "build", "runs", "demo", ".pytest_cache",
    ".ruff_cache", ".hypothesis", ".import_linter_cache", "node_modules",
}  # fmt: skip


def findings(name: str, text: str) -> list[str]:
    """Machine paths and package hosts in a file's text."""
    return [
        f"{name}:{number}: {word}"
        for number, line in enumerate(text.splitlines(), 1)
        for word in (*_FOLDERS, *_HOSTS)
        if word in line
    ]


def kept_files() -> list[Path]:
    """The files of the repository; of the folder, where there is no repository."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run(
            [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if listed.returncode == 0:
            return [ROOT / n for n in listed.stdout.split("\0") if n and (ROOT / n).is_file()]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not _UNKEPT & set(path.relative_to(ROOT).parts)
    ]


def test_no_machine_and_no_package_host_is_named() -> None:
    files = [path for path in kept_files() if path.suffix in _SUFFIXES]
    assert len(files) > 100
    found = [
        each
        for path in files
        for each in findings(str(path.relative_to(ROOT)), path.read_text("utf-8", "replace"))
    ]
    assert found == []


@pytest.mark.parametrize("word", [*_FOLDERS, *_HOSTS])
def test_a_machine_or_host_would_be_found(word: str) -> None:
    assert findings("a.md", f"see {word}x") != []


def test_no_video_and_no_large_file_is_kept() -> None:
    video = re.compile(r"\.(yuv|y4m|mp4|mkv|webm|mov|ivf)$")
    found = [
        str(path.relative_to(ROOT))
        for path in kept_files()
        if video.search(path.name) or path.stat().st_size > 5_000_000
    ]
    assert found == []
