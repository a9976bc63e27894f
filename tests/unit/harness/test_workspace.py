"""The workspace: its folders, its scratch, and what cleaning takes."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from vmafkit.errors import UsageError
from vmafkit.harness.config import VmafConfig
from vmafkit.harness.model_files import find_model, model_word
from vmafkit.harness.workspace import LEVELS, SUBFOLDERS, open_workspace

HOLD = """
import sys, time
from vmafkit.harness.workspace import open_workspace
with open_workspace(sys.argv[1]).scratch() as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_the_environment_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setenv("VMAF_WORKSPACE", str(tmp_path / name))
        assert open_workspace().root == tmp_path / name
        assert VmafConfig.workspace_path("a", "b") == str(tmp_path / name / "a" / "b")
        assert VmafConfig.workdir_path() == str(tmp_path / name / "workdir")
        assert VmafConfig.encode_path("e") == str(tmp_path / name / "encode" / "e")
        store = tmp_path / name / "result_store_dir"
        assert VmafConfig.file_result_store_path() == str(store / "file_result_store")
        assert VmafConfig.encode_store_path() == str(store / "encode_store")
    assert not (tmp_path / "two").exists()
    assert open_workspace(tmp_path / "three").root == tmp_path / "three"


def test_folders_come_on_demand(tmp_path: Path) -> None:
    space = open_workspace(tmp_path / "w")
    for name in SUBFOLDERS:
        assert space.folder(name).is_dir()
    with pytest.raises(ValueError, match="nope"):
        space.folder("nope")


def test_the_documented_words_for_folders_are_those_shown() -> None:
    page = (Path(__file__).parents[3] / "docs" / "harness.md").read_text("utf-8")
    for name, what in SUBFOLDERS.items():
        assert f"| `{name}` | {what} |" in page


def test_a_bare_model_name_is_looked_up_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = open_workspace(tmp_path / "a:b")
    stored = space.folder("model") / "mine.json"
    stored.write_text("{}")
    monkeypatch.chdir(tmp_path)
    word = "path=" + str(stored).replace(":", "\\:")
    assert find_model(Path("mine.json"), space) == stored
    assert model_word("mine.json", space) == word
    assert model_word("name=x:path=mine.json:disable_clip", space) == f"name=x:{word}:disable_clip"
    for same in ("VMAF", "vmaf_v0.6.1", "version=vmaf_v0.6.1", "path=no/mine.json", "path="):
        assert model_word(same, space) == same
    assert find_model(Path("no/mine.json"), space) == Path("no/mine.json")
    with pytest.raises(UsageError, match=r"gone\.json is not there, nor in .*model"):
        model_word("path=gone.json", space)
    (tmp_path / "mine.json").write_text("{}")
    assert find_model(Path("mine.json"), space) == Path("mine.json")
    assert model_word("path=mine.json", space) == "path=mine.json"


def test_scratch_is_a_uuid_and_goes(tmp_path: Path) -> None:
    space = open_workspace(tmp_path)
    with space.scratch() as folder:
        assert uuid.UUID(folder.name).version == 4
        (folder / "a").write_text("x")
    assert [each.name for each in (tmp_path / "workdir").iterdir()] == [".lock"]


def test_a_killed_run_is_cleaned_at_the_next_start_and_a_living_one_is_not(tmp_path: Path) -> None:
    held = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        dead, living = (Path(each.stdout.readline().decode().strip()) for each in held)  # pyright: ignore
        held[0].send_signal(signal.SIGKILL)
        held[0].wait()
        assert (dead / "half").exists()
        space = open_workspace(tmp_path)
        with space.scratch():
            assert not dead.exists()
            assert (living / "half").exists()
        space.clean()
        assert (living / "half").exists()
    finally:
        for each in held:
            each.kill()
            each.communicate()


def test_cleaning_takes_a_level_and_no_more(tmp_path: Path) -> None:
    space = open_workspace(tmp_path)
    for name in SUBFOLDERS:
        (space.folder(name) / "deep").mkdir()
        (space.root / name / "deep" / "file").write_bytes(b"12345")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (space.root / "output" / "link").symlink_to(outside)
    assert space.sizes()["model"] == 5
    assert space.clean() == {"workdir": 5, "output": 5}
    assert (outside / "kept").exists()
    assert (space.root / "result_store_dir" / "deep" / "file").exists()
    space.clean(["caches", "models"])
    left = {name for name, size in space.sizes().items() if size}
    assert left == {"dataset", "model_param"}
    emptied = {name for level in LEVELS.values() for name in level.folders}
    assert emptied | left == set(SUBFOLDERS)
    with pytest.raises(UsageError, match="all"):
        space.clean(["all"])
