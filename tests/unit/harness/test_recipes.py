"""Recipes: what is read, and what is refused with its line."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.errors import Refused, Unreadable, UsageError, VmafkitError
from vmafkit.harness.recipe_py import values_of
from vmafkit.harness.recipes import load_recipe

NFLX = """
from __future__ import absolute_import
import os
from vmaf.config import VmafConfig
__copyright__ = "made"

dataset_name = 'NFLX_made'
yuv_fmt = 'yuv420p'
width = 1920
height = 1080
ref_score = 100
ref_dir = VmafConfig.test_resource_path('nflx', 'ref')
dis_dir = os.path.join(VmafConfig.workspace_path(), 'dis')
content = 'Old' + "Town"

ref_videos = [
    {'content_id': 0, 'content_name': content, 'path': ref_dir + '/' + content + '_25fps.yuv'},
    {'content_id': 1, 'content_name': 'Fox', 'path': ref_dir + '/Fox.yuv', 'yuv_fmt': 'yuv422p'},
]
dis_videos = [
    {'asset_id': 0, 'content_id': 0, 'dmos': 100.0, 'path': ref_dir + '/OldTown_25fps.yuv'},
    {'asset_id': 1, 'content_id': 0, 'dmos': 28.0, 'path': dis_dir + '/OldTown_20.yuv'},
    {'asset_id': 2, 'content_id': 1, 'dmos': -0.5, 'path': dis_dir + '/Fox_20.yuv',
     'width': 960, 'height': 540, 'quality_width': 1920, 'quality_height': 1080},
]
"""
MADE = {
    "dataset_name": "made",
    "ref_videos": [{"content_id": 0, "path": "a.mkv"}],
    "dis_videos": [{"content_id": 0, "asset_id": 0, "path": "b.mkv", "mos": 3.0}],
}


def _write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def test_the_shape_of_the_public_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMAF_WORKSPACE", "/space")
    recipe = load_recipe(_write(tmp_path, "nflx_dataset.py", NFLX))
    assert recipe.dataset_name == "NFLX_made"
    assert recipe.ref_videos[0].path == "/space/dataset/nflx/ref/OldTown_25fps.yuv"
    assert recipe.dis_videos[1].path == "/space/dis/OldTown_20.yuv"
    assert [video.dmos for video in recipe.dis_videos] == [100.0, 28.0, -0.5]
    assert (recipe.score_kind, recipe.ref_score) == ("dmos", 100.0)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("x = 1\nimport subprocess\n", 2, "subprocess"),
        ("from shutil import rmtree\n", 1, "shutil"),
        ("import os\n\nos.remove('a')\n", 3, "statement"),
        ("import os\nx = os.getcwd()\n", 2, "os.getcwd"),
        ("x = [1,\n  open('a').read()]\n", 2, "calls"),
        ("x = __import__('os')\n", 1, "__import__"),
        ("def f():\n    pass\n", 1, "def"),
        ("x = 1\nfor a in [1]:\n    y = a\n", 2, "for"),
        ("x = [a for a in 'abc']\n", 1, "comprehension"),
        ("x = f'{1}'\n", 1, "f-string"),
        ("x = y\n", 1, "y"),
        ("x = 'a' * 9999999999\n", 1, "BinOp"),
        ("x = {'a': 1,\n 'a': 2}\n", 2, "twice"),
        ("import os as path\n", 1, "name"),
        ("from os import system\n", 1, "system"),
        ("x = 'a' + 1\n", 1, "joins"),
        ("x = ('a').upper()\n", 1, "upper"),
        ("x: list\n", 1, "AnnAssign"),
        ("from vmaf.config import VmafConfig\nx = VmafConfig.clear('a')\n", 2, "clear"),
    ],
)
def test_what_is_no_plain_value_is_refused_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(Refused, match=word) as caught:
        values_of(text, "r.py")
    assert caught.value.message.startswith(f"r.py:{line}: ")


def test_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = _write(tmp_path, "evil.py", f"open({str(mark)!r}, 'w')\n")
    with pytest.raises(Refused, match=r"evil\.py:1"):
        load_recipe(path)
    assert not mark.exists()


@given(st.text(alphabet="x=+[]{}()'\"1 ,:\n#.-abos", max_size=60))
def test_any_text_gives_values_or_one_of_our_errors(text: str) -> None:
    with contextlib.suppress(VmafkitError):
        values_of(text, "r.py")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
))  # fmt: skip
def test_literals_come_back(value: object) -> None:
    assert values_of(f"x = {value!r}", "r.py") == {"x": value}


def test_yaml_and_toml_give_the_same(tmp_path: Path) -> None:
    toml = 'dataset_name="made"\n[[ref_videos]]\ncontent_id=0\npath="a.mkv"\n[[dis_videos]]\n'
    toml += 'content_id=0\nasset_id=0\npath="b.mkv"\nmos=3.0\n'
    one = load_recipe(_write(tmp_path, "r.toml", toml))
    assert one == load_recipe(_write(tmp_path, "r.yaml", json.dumps(MADE)))
    with pytest.raises(UsageError, match=r"r\.txt"):
        load_recipe(tmp_path / "r.txt")
    with pytest.raises(Unreadable, match="cannot read"):
        load_recipe(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dis_videos": []}, "dis_videos"),
        ({"dis_vids": []}, "dis_vids"),
        ({"width": 0}, "width"),
        ({"dis_videos": [{"content_id": 9, "asset_id": 0, "path": "b"}]}, "content_id 9"),
        ({"dis_videos": [{"content_id": 0, "asset_id": 0, "path": "b", "mso": 3}]}, "mso"),
        (
            {"dis_videos": [{"content_id": 0, "asset_id": 0, "path": "b", "mos": 3, "dmos": 3}]},
            "name one",
        ),
        (
            {"dis_videos": [{"content_id": 0, "asset_id": i, "path": "b", k: 3.0}
                            for i, k in enumerate(("mos", "dmos"))]},
            "different kinds",
        ),
        ({"dis_videos": MADE["dis_videos"] * 2}, "twice"),
        ({"dis_videos": [{"content_id": 0, "asset_id": 0, "path": "b", "os": []}]}, "opinion"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        load_recipe(_write(tmp_path, "r.yaml", json.dumps(MADE | change)))


def test_a_score_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    text = json.dumps(MADE).replace("3.0", ".nan")
    with pytest.raises(Refused, match="finite"):
        load_recipe(_write(tmp_path, "r.yaml", text))


def test_a_small_file_that_grows_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(Refused, match="values"):
        load_recipe(_write(tmp_path, "bomb.yaml", "\n".join(lines)))


@pytest.mark.parametrize("field", ["yuv_fmt", "workfile_yuv_type"])
def test_what_is_no_pixel_format_is_refused(tmp_path: Path, field: str) -> None:
    for name, value in (("yuv420p99", "a"), ("", "b"), ("vaapi", "c")):
        for changed in (MADE | {field: name}, _changed(MADE, field, name)):
            path = _write(tmp_path, f"{value}.yaml", json.dumps(changed))
            with pytest.raises(Refused, match=f"{field}: .*pixel format"):
                load_recipe(path)
    for name in ("notyuv", "yuv420p", "yuv422p10le", "gbrp", "gray"):
        path = _write(tmp_path, "good.yaml", json.dumps(_changed(MADE, field, name)))
        assert getattr(load_recipe(path).dis_videos[0], field) == name


def _changed(recipe: dict[str, object], field: str, value: str) -> dict[str, object]:
    (video,) = json.loads(json.dumps(recipe["dis_videos"]))
    return recipe | {"dis_videos": [video | {field: value}]}
