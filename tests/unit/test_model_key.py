"""What stands for a model in a trial's key."""

from __future__ import annotations

from pathlib import Path

from vmafkit.api._words import model_of
from vmafkit.scoring.vmaf_models import model_key


def test_the_key_of_a_model_file_holds_its_id_and_its_bytes(tmp_path: Path) -> None:
    text = '{"model_dict": {"feature_names": []}}'
    for name in ("one.json", "two.json", "folder/one.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    keys = [
        model_key(model_of(f"path={tmp_path / name}"))
        for name in ("one.json", "two.json", "folder/one.json")
    ]
    # Stored columns bear the id, so another name is another trial; another folder is not.
    assert keys[0] != keys[1] and keys[0] == keys[2]
    assert keys[0].startswith("file:one:")
    (tmp_path / "one.json").write_text(text + " ", "utf-8")
    assert model_key(model_of(f"path={tmp_path / 'one.json'}")) != keys[0]
    assert model_key(model_of("vmaf_v0.6.1")) == "vmaf_v0.6.1"
