"""The commands of the harness as a user types them: what they say, and how they end."""

from __future__ import annotations

import json
import pty
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.scoring_kit import ffmpeg

from vmafkit.cli.harness_verbs import shown

WORDS = (sys.executable, "-c", "from vmafkit.cli.harness import main; main()")


def _run(*words: str | Path, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [*WORDS, *map(str, words)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli")
    made = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25", "-frames:v", "3", "-pix_fmt", "yuv420p")
    ffmpeg(*made, path / "a.yuv")
    ffmpeg(*made, "-vf", "gblur=sigma=1.5", path / "b.yuv")
    return path


def test_one_pair_in_every_format(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = ("run-vmaf", "yuv420p", "96", "64", "a.yuv", "b.yuv", "--workspace", "space")
    code, text, errors = _run(*pair, "--out-fmt", "json", "--pool", "perc10", cwd=folder)
    assert (code, errors) == (0, "")
    report = json.loads(text)
    assert report["statistic"] == "p10"
    assert len(report["frames"]["vmaf_v0.6.1"]) == 3
    shown.pair(report, "text")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["Frame 0", "Frame 1", "Frame 2"]
    score = f"{report['score']:.6f}"
    assert f"Aggregate (p10) vmaf_v0.6.1: {score}" in lines
    shown.pair(report, "xml")
    root = ElementTree.fromstring(capsys.readouterr().out)
    frames = [float(each.attrib["vmaf_v0.6.1"]) for each in root.iter("frame")]
    assert frames == report["frames"]["vmaf_v0.6.1"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run-vmaf", "yuv420p", "96", "64", "a.yuv", "gone.yuv"), 1, "gone.yuv"),
        (("run-vmaf", "yuv420p", "96", "64", "a.yuv", "b.yuv", "--out-fmt", "pdf"), 2, "pdf"),
        (("run-testing", "VMAF", "gone.yaml"), 1, "gone.yaml"),
        (("run-testing", "VMAF", "evil.py"), 1, "evil.py:1"),
        (("run-testing", "VMAF", "set.yaml", "--subj-model", "X"), 2, "subjective model"),
        (("run-vmaf-training", "a", "b", "c", "out.pkl"), 2, ".json"),
        (("convert-model", "--input", "evil.pkl", "--output", "o.json"), 9, "nothing in it is run"),
        (("workspace", "clean", "--models"), 2, "--yes"),
        (("store", "prune"), 2, "nothing is said"),
        (("store", "show", "ffff"), 2, "no result"),
    ],
)
def test_a_failure_is_one_sentence(
    folder: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    (folder / "evil.py").write_text("import shutil\n")
    (folder / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    found, text, errors = _run(*words, cwd=folder) if words[0] == "convert-model" else _run(
        *words, "--workspace", "space", cwd=folder
    )  # fmt: skip
    assert (found, text) == (code, "")
    assert len(errors.splitlines()) == 1
    assert says in errors
    assert not (folder / "ran").exists()


def test_cleaning_asks_on_a_terminal_and_says_what_is_lost(tmp_path: Path) -> None:
    kept = tmp_path / "space" / "model" / "mine.json"
    for answer, is_left in (("n\n", True), ("y\n", False)):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("{}")
        ours, theirs = pty.openpty()
        running = subprocess.Popen(
            [*WORDS, "workspace", "clean", "--models", "--workspace", str(tmp_path / "space")],
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with open(ours, "w") as terminal:
            terminal.write(answer)
            terminal.flush()
            _, errors = running.communicate(timeout=60)
        assert "trained models" in errors
        assert (running.returncode, kept.exists()) == (0, is_left)


def test_the_workspace_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMAF_WORKSPACE", str(tmp_path / "mine"))
    code, text, _ = _run("workspace", "show", "--json", cwd=tmp_path)
    assert (code, json.loads(text)["root"]) == (0, str(tmp_path / "mine"))
    assert not (tmp_path / "mine").exists()
