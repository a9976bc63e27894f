"""Files that a user names are regular files: a pipe or a device is refused, never waited for."""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from tests.faketools.fake import real_ffmpeg

from vmafkit.cli.programs import apps
from vmafkit.cli.typer_main import run_app
from vmafkit.cli.vmaf import main as vmaf

# INPUT is the odd file; its suffix is the word's own. CLIP, LIST, RECIPE and TABLE are good.
COMMANDS = (
    "vmafkit verify INPUT.jsonl",
    "vmaf-tune export INPUT.jsonl out.csv",
    "vmaf-tune benchmark --from-corpus INPUT.jsonl",
    "vmaf-tune recommend CLIP --target 80 --from-corpus INPUT.jsonl",
    "vmaf-tune corpus CLIP -o INPUT.jsonl",
    "vmaf-tune corpus CLIP --model path=INPUT.json",
    "vmaf-tune tune-per-shot CLIP --target 80 --scenes INPUT.json",
    "vmaf-tune zones CLIP --zones INPUT.txt",
    "vmaf -r INPUT.mkv -d CLIP",
    "vmaf -r CLIP -d INPUT.y4m",
    "vmaf -r CLIP -d CLIP --model path=INPUT.json",
    "vmaf -r CLIP -d CLIP --tiny-model INPUT.onnx",
    "vmaf-train fetch --dataset konvid-1k --root out --list INPUT.csv",
    "vmaf-train extract-features --dataset generic --pairs INPUT.csv --output out.parquet",
    "vmaf-train extract-features --dataset generic --pairs INPUT.yaml --output out.parquet",
    "vmaf-train fit --config INPUT.yaml --features TABLE --output out",
    "vmaf-train fit --config RECIPE --features INPUT.parquet --output out",
    "vmaf-train cross-validate --config RECIPE --features INPUT.parquet --output out.json",
    "vmaf-train export --checkpoint INPUT.ckpt --output out.onnx",
    "vmaf-train eval --model INPUT.onnx --features TABLE",
    "vmaf-train eval --model vmaf_tiny_v2 --features INPUT.parquet",
    "vmaf-train validate --model vmaf_tiny_v2 --features INPUT.parquet",
    "vmaf-train compare vmaf_tiny_v2 INPUT.onnx --features TABLE",
    "vmaf-train register --model INPUT.onnx --kind fr --license MIT",
    "vmaf-harness run-testing VMAF INPUT.yaml",
    "vmaf-harness run-testing VMAF INPUT.py",
    "vmaf-harness run-testing VMAF INPUT.toml",
    "vmaf-harness run-testing path=INPUT.json LIST",
    "vmaf-harness run-vmaf notyuv 0 0 CLIP CLIP --model INPUT.json",
    "vmaf-harness run-vmaf-in-batch INPUT.txt",
    "vmaf-harness run-vmaf-training INPUT.yaml INPUT.yaml INPUT.yaml out.json",
    "vmaf-harness run-vmaf-cross-validation INPUT.yaml INPUT.yaml INPUT.yaml --folds 2",
    "vmaf-harness run-result-assembly INPUT.txt",
    "vmaf-harness run-result-assembly LIST",
    "vmaf-harness convert-model --input INPUT.pkl --output out.json",
    "vmaf-harness convert-model --input INPUT.json --output out.json",
)


class StillReading(BaseException):
    """The command waits for the file, or reads it without end."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinds") / "clip.mkv"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=192x128:r=25,trim=end_frame=4", "-c:v", "ffv1",
                "-pix_fmt", "yuv420p", path)  # fmt: skip
    return path


@contextlib.contextmanager
def limits(seconds: int) -> Iterator[None]:
    """An end to what would never end, and to what would take all memory."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise StillReading

    before = signal.signal(signal.SIGALRM, stop)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, memory[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, memory)


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    words = shlex.split(command)
    if words[0] == "vmaf":
        return vmaf(words[1:])
    monkeypatch.setattr("sys.argv", words)
    return run_app(words[0], apps()[words[0]])


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_or_a_device_is_refused(
    command: str, kind: str, clip: Path, tmp_path: Path, new_cache: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for suffix in ("json", "jsonl", "txt", "mkv", "y4m", "onnx", "csv", "yaml", "toml", "py",
                   "parquet", "ckpt", "pkl"):  # fmt: skip
        odd = tmp_path / f"odd.{suffix}"
        if kind == "pipe":
            os.mkfifo(odd)
        else:
            odd.symlink_to("/dev/zero")
    (tmp_path / "list.txt").write_text("odd.json\n")
    (tmp_path / "list.yaml").write_text(
        "dataset_name: d\nref_videos:\n"
        f"  - {{content_id: 0, content_name: c, path: {clip}}}\n"
        "dis_videos:\n"
        f"  - {{content_id: 0, asset_id: 0, dmos: 50, path: {clip}}}\n"
        "yuv_fmt: notyuv\n"
    )
    (tmp_path / "recipe.yaml").write_text("model: mlp_small\nfeatures: canonical-6\n")
    parts = {
        "INPUT": "odd",
        "CLIP": str(clip),
        "RECIPE": "recipe.yaml",
        "TABLE": "odd.parquet",
        "LIST": "list.yaml" if "run-testing" in command else "list.txt",
    }
    for name, word in parts.items():
        command = command.replace(name, word)
    with limits(20):
        code = run(command, monkeypatch)
    said = capsys.readouterr().err
    assert code in (1, 2, 9), said
    assert "odd." in said and "Traceback" not in said
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob("out.*"))
