"""`vmafkit verify`: a corpus is held against what the same trials give when they are run again."""

from __future__ import annotations

import json
import os
import typing
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks
from tests.faketools.fake import real_ffmpeg

from vmafkit import api, errors
from vmafkit.api import _verify as verifying
from vmafkit.cli.kit import app
from vmafkit.cli.typer_main import run_app
from vmafkit.decide import verify as deciding
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.schema.corpus import CORPUS_ROW_KEYS, V1_KEYS, CorpusRow, to_line
from vmafkit.scoring.model_json import model_json
from vmafkit.store.corpus_file import read_corpus
from vmafkit.store.trials import TrialStore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two clips and a corpus of six rows: scaled, thinned, raw and plain."""
    folder = tmp_path_factory.mktemp("verify")
    clip, raw = folder / "clip.mkv", folder / "clip.yuv"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25,trim=end_frame=8", "-c:v", "ffv1",
                "-pix_fmt", "yuv420p", clip)  # fmt: skip
    real_ffmpeg("-i", clip, "-f", "rawvideo", "-pix_fmt", "yuv420p", raw)
    os.utime(clip, (1, 1))
    output = folder / "corpus.jsonl"
    sweep = {"preset": ["ultrafast"], "crf": ["24,34"]}
    plans = [
        api.plan_corpus([clip], **sweep, enc=["bf=0"]),
        api.plan_corpus([clip], **sweep, display=(192, 108), subsample=3, model=["neg", "vmaf"]),
        api.plan_corpus([raw], **sweep, width=128, height=72, framerate="30000/1001"),
    ]
    for plan in plans:
        api.corpus(plan, output)
    return folder


@pytest.fixture
def rows(made: Path) -> list[CorpusRow]:
    return read_corpus(made / "corpus.jsonl")


def written(path: Path, rows: list[CorpusRow]) -> Path:
    path.write_bytes(b"".join(map(to_line, rows)))
    return path


def changed(row: CorpusRow, **values: Any) -> CorpusRow:
    return CorpusRow.model_validate(row.model_dump() | values | {"checksum": None})


def test_a_good_corpus_holds_though_the_store_is_wrong(made: Path, new_cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = api.verify(
        made / "corpus.jsonl", sample=0, on_event=lambda _, *numbers: seen.append(numbers)
    )
    assert [each.outcome for each in found.checked] == ["same"] * 6
    assert found.holds and found.rows == 6 and seen == [(n, 6) for n in range(1, 7)]
    # Nothing was asked of the user's store, and nothing put there.
    assert not (new_cache / "trials.sqlite").exists()
    assert not list((new_cache / "scratch").iterdir())
    assert not any(each.versions for each in found.checked)


# What a forger writes, where the value of another type or a larger number will not do.
WORDS = {
    "encoder": "libx265",
    "preset": "superfast",
    "extra_params": ["bf=1"],
    "vmaf_model": "vmaf_v0.6.1_phone",
    "window": "0+5",
    "src_sha256": "0" * 64,
    "score_filter": "ffmpeg-libvmaf in yuv420p; one frame in 2 scored",
    "score_backend": "libvmaf",
    "trial_key": "0" * 64,
}
# Another value of these is another trial, or none, so that other columns may tell.
SETTINGS = (
    "src_sha256", "encoder", "preset", "crf", "extra_params", "threads", "vmaf_model", "window",
    "display_width", "display_height", "score_filter",
)  # fmt: skip
COMPARED = [name for name in CORPUS_ROW_KEYS if name not in deciding.NOT_COMPARED]


def forged(row: CorpusRow, name: str) -> list[CorpusRow]:
    """The row with other values in one column, one of them none."""
    value = getattr(row, name)
    if name in WORDS or value is None or isinstance(value, str):
        others: list[Any] = [WORDS.get(name, "forged")]
    elif isinstance(value, int | float):
        others = [value * 2 + 2]
    elif isinstance(value, list):
        others = [["-x"]]
    else:
        one = next(iter(value))
        others = [
            *(value | {each: cells | {"mean": cells["mean"] + 1}} for each, cells in value.items()),
            *({**value, one: {**value[one], each: 77.0}} for each in value[one]),
            {**value, "made-up": {"mean": 3.0}},
            {**value, one: {}},
            {},
        ]  # fmt: skip
    found = [changed(row, **{name: other}) for other in others]
    if value is not None and type(None) in typing.get_args(CorpusRow.model_fields[name].annotation):
        found.append(changed(row, **{name: None}))
    return found


@pytest.mark.parametrize("column", COMPARED)
def test_a_forged_column_is_found(
    rows: list[CorpusRow], tmp_path: Path, new_cache: Path, column: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    held: list[tuple[Any, ...]] = []

    def compare(*given: Any) -> Any:
        held.append(given[1:])
        return deciding.compare_facts(*given)

    monkeypatch.setattr(verifying, "compare_facts", compare)
    first, *others = forged(rows[3], column)
    (checked,) = api.verify(written(tmp_path / "c.jsonl", [first]), tolerance=0.01).checked
    assert checked.outcome != "same" and (checked.differences or checked.message)
    if column in SETTINGS:
        return
    # One measurement shows what all the other forgeries of its row come to.
    for found in (checked, *(deciding.compare_facts(each, *held[0]) for each in others)):
        assert found.outcome == "differs" and not found.versions
        assert {each.name.partition(".")[0] for each in found.differences} == {column}


def test_every_column_is_compared_or_has_a_reason(rows: list[CorpusRow]) -> None:
    assert set(deciding.NOT_COMPARED) < set(CORPUS_ROW_KEYS) and len(COMPARED) > 35
    assert all(deciding.NOT_COMPARED.values())
    assert len(forged(rows[3], "scores")) > 12 and len(forged(rows[3], "features")) > 15


def test_a_row_of_another_tool_is_held_against_what_it_has(
    rows: list[CorpusRow], tmp_path: Path, new_cache: Path
) -> None:
    first = {name: value for name, value in rows[0].model_dump().items() if name in V1_KEYS}
    old = CorpusRow.model_validate(first | {"schema_version": 1, "framerate": 25.01})
    wrong = changed(old, vmaf_score=99.0)
    found = api.verify(written(tmp_path / "c.jsonl", [old, wrong]), sample=0).checked
    assert [each.outcome for each in found] == ["same", "differs"]


def test_features_beside_the_models_are_measured_again(
    made: Path, tmp_path: Path, new_cache: Path
) -> None:
    plan = api.plan_corpus([made / "clip.mkv"], preset=["ultrafast"], crf=["30"],
                           feature=["ssim", "vif", "psnr"])  # fmt: skip
    api.corpus(plan, tmp_path / "c.jsonl")
    (row,) = read_corpus(tmp_path / "c.jsonl")
    assert row.features is not None
    assert api.verify(tmp_path / "c.jsonl").holds
    other = row.features | {"psnr_y": {**row.features["psnr_y"], "mean": 60.0}}
    (checked,) = api.verify(written(tmp_path / "f.jsonl", [changed(row, features=other)])).checked
    assert [each.name for each in checked.differences] == ["features.psnr_y.mean"]


def test_other_versions_are_named_beside_a_difference(
    rows: list[CorpusRow], tmp_path: Path, new_cache: Path
) -> None:
    old = changed(rows[0], vmaf_score=1.0, ffmpeg_version="4.4", libvmaf_version="2.3.1")
    (checked,) = api.verify(written(tmp_path / "c.jsonl", [old])).checked
    assert [each.name for each in checked.versions] == ["ffmpeg_version", "libvmaf_version"]
    assert checked.versions[0].recorded == "4.4"


def test_what_cannot_be_run_again_is_told(
    rows: list[CorpusRow], made: Path, tmp_path: Path, new_cache: Path
) -> None:
    other = tmp_path / "clip.mkv"
    other.write_bytes((made / "clip.mkv").read_bytes()[:-1] + b"x")
    odd = [
        changed(rows[0], src=str(tmp_path / "gone.mkv")),
        changed(rows[0], src=str(other)),
        changed(rows[0], encoder="no-such-encoder"),
        changed(rows[0], vmaf_model="of_a_file"),
        changed(rows[0], window="7+900"),
        changed(rows[0], window="x"),
    ]
    for number, row in enumerate(odd):
        odd[number] = changed(row, trial_key=f"k{number}")
    found = api.verify(written(tmp_path / "c.jsonl", odd), sample=0)
    outcomes = [each.outcome for each in found.checked]
    assert outcomes == ["source-missing", "source-changed", *["failed"] * 4]
    assert all(each.message for each in found.checked)
    assert json.loads(json.dumps(found.record(), allow_nan=False))["outcomes"]["failed"] == 4


def test_the_sample_is_the_same_whatever_the_order_of_the_file(rows: list[CorpusRow]) -> None:
    failed = changed(rows[0], exit_status=5, vmaf_score=None)
    every = [*rows, failed]
    for seed in range(20):
        picked = {row.trial_key for row in deciding.pick(every, 3, seed)}
        assert len(picked) == 3
        assert picked == {row.trial_key for row in deciding.pick(every[::-1], 3, seed)}
    assert len({tuple(r.crf for r in deciding.pick(every, 3, seed)) for seed in range(20)}) > 3
    assert deciding.pick(every, 0, 0) == deciding.pick(every, 99, 0) == rows


def test_the_command(
    made: Path, rows: list[CorpusRow], tmp_path: Path, new_cache: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    bad = written(tmp_path / "bad.jsonl", [changed(rows[0], vmaf_score=1.0), rows[1]])

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["vmafkit", *map(str, words)])
        code = run_app("vmafkit", app)
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, err = run("verify", bad, "--sample", "0")
    assert code == 1
    assert "differs" in out and "vmaf_score 1.0 in the corpus" in out and "1 of 2 rows" in out
    assert "row 1 of 2: differs" in err
    code, out, err = run("verify", made / "corpus.jsonl", "--sample", "1", "--json", "-q")
    assert (code, err) == (0, "")
    assert json.loads(out)["holds"] is True
    for words, expected in (
        (["verify", tmp_path / "none.jsonl"], 1),
        (["verify", bad, "--sample", "-1"], 2),
        (["verify", bad, "--tolerance", "nan"], 2),
    ):
        assert run(*words)[0] == expected
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    with pytest.raises(errors.Unreadable, match="no measured row"):
        api.verify(empty)


def test_the_same_plan_in_two_fresh_caches_gives_the_same_rows(
    made: Path, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[dict[str | None, dict[str, Any]]] = []
    for number in range(2):
        cache = tmp_path / f"other{number}"
        cache.mkdir()
        monkeypatch.setenv("VMAFKIT_CACHE", str(cache))
        plan = api.plan_corpus([made / "clip.mkv"], preset=["ultrafast"], crf=["20:36:4"])
        output = tmp_path / f"{number}.jsonl"
        assert api.corpus(plan, output, workers=number + 1).measured == 5
        found.append(checks.facts(output))
        with TrialStore(cache) as store:
            assert len(store.find()) == 5
    assert found[0] == found[1] and len(found[0]) == 5


@pytest.fixture(scope="module")
def own_model(made: Path) -> Path:
    """A corpus of one row, scored with a model of a file beside it."""
    folder = made / "own"
    folder.mkdir()
    (folder / "mine.json").write_bytes(model_json("neg", find_ffmpeg()))
    plan = api.plan_corpus(
        [made / "clip.mkv"], preset=["ultrafast"], crf=["30"], model=[f"path={folder}/mine.json"]
    )
    api.corpus(plan, folder / "c.jsonl")
    return folder


def test_rows_of_a_models_file_are_checked_with_that_file(
    own_model: Path, tmp_path: Path, new_cache: Path
) -> None:
    (checked,) = api.verify(own_model / "c.jsonl").checked
    assert checked.outcome == "failed" and "came from a file" in checked.message
    assert "--model path=FILE" in checked.message
    (row,) = read_corpus(own_model / "c.jsonl")
    moved = tmp_path / "mine.json"
    moved.write_bytes((own_model / "mine.json").read_bytes())
    assert api.verify(own_model / "c.jsonl", model=[f"path={moved}"]).holds
    forged = written(tmp_path / "c.jsonl", [changed(row, vmaf_score=1.0)])
    (checked,) = api.verify(forged, model=[f"path={moved}"]).checked
    assert checked.outcome == "differs"


def test_another_models_file_of_the_same_name_is_not_used(
    own_model: Path, tmp_path: Path, new_cache: Path
) -> None:
    other = tmp_path / "mine.json"
    other.write_bytes(model_json("vmaf", find_ffmpeg()))
    (checked,) = api.verify(own_model / "c.jsonl", model=[f"path={other}"]).checked
    assert checked.outcome == "failed"
    assert "mine.json is not the file that the row was scored with" in checked.message
    (row,) = read_corpus(own_model / "c.jsonl")
    # The key says nothing of the file where it is that of other programs.
    old = written(tmp_path / "c.jsonl", [changed(row, ffmpeg_version="4.4")])
    (checked,) = api.verify(old, model=[f"path={other}"]).checked
    assert checked.outcome == "differs"
    assert "vmaf_score" in {each.name for each in checked.differences}
    assert [each.name for each in checked.versions] == ["ffmpeg_version"]


def test_a_model_to_verify_with_is_one_file_for_each_name(own_model: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="neg is no file"):
        api.verify(own_model / "c.jsonl", model=["neg"])
    with pytest.raises(errors.UsageError, match="same name"):
        api.verify(own_model / "c.jsonl", model=[f"path={own_model}/mine.json"] * 2)
