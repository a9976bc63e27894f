"""`vmafkit verify`: a corpus is held against what the same trials give when they are run again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks
from tests.faketools.fake import real_ffmpeg

from vmafkit import api, errors
from vmafkit.cli.kit import app
from vmafkit.cli.typer_main import run_app
from vmafkit.decide import verify as deciding
from vmafkit.schema.corpus import CorpusRow, to_line
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


FORGED: dict[str, dict[str, Any]] = {
    "vmaf_score": {"vmaf_score": 99.0},
    "vmaf_p5": {"vmaf_p5": 1.0},
    "encode_size_bytes": {"encode_size_bytes": 5},
    "bitrate_kbps": {"bitrate_kbps": 5.0},
    "scores.vmaf_v0.6.1": {"scores": {"vmaf_v0.6.1": {"mean": 3.0}}},
}


@pytest.mark.parametrize("column", FORGED)
def test_a_forged_column_is_found(
    rows: list[CorpusRow], tmp_path: Path, new_cache: Path, column: str
) -> None:
    forged = changed(rows[3], **FORGED[column])
    found = api.verify(written(tmp_path / "c.jsonl", [forged]))
    (checked,) = found.checked
    assert checked.outcome == "differs" and not found.holds
    assert [each.name for each in checked.differences] == [column]
    assert checked.versions == ()


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
