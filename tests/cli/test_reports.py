"""`benchmark`, and `--report` of the commands that measure."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from report_kit import dangers, sweep
from vmafkit import api
from vmafkit.cli import vmaf
from vmafkit.cli.tune import app
from vmafkit.cli.typer_main import run_app
from vmafkit.errors import OutputError, UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.schema.corpus import CorpusRow, to_line


def corpus_file(folder: Path, rows: list[CorpusRow]) -> Path:
    path = folder / "corpus.jsonl"
    path.write_bytes(b"".join(map(to_line, rows)))
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return corpus_file(tmp_path, [*sweep("libx264", 1.0), *sweep("libx265", 0.6)])


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["vmaf-tune", *words])
    return run_app("vmaf-tune", app)


def test_benchmark_prints_a_table_and_writes_a_page(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = corpus.with_name("out.html")
    words = ("--target-vmaf", "90", "--baseline-encoder", "libx264", "--report", str(page))
    assert run(monkeypatch, "benchmark", "--from-corpus", str(corpus), *words) == 0
    shown = capsys.readouterr()
    assert "| libx265 medium | 1 | -40.00 |" in shown.out
    assert shown.err == ""
    text = page.read_text("utf-8")
    assert "libx265 medium needs 40.0 % fewer bits" in text
    assert dangers(text) == []


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_benchmark_as_json_is_one_object(
    corpus: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "benchmark", "--from-corpus", str(corpus), *words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["type"] == "comparison"
    assert record["metric"] == "vmaf_v0.6.1 mean"
    assert record["target"] is None
    assert record["deltas"][0]["rate"]["value"] == pytest.approx(-40)


def test_benchmark_as_csv_opens_in_a_spreadsheet(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "benchmark", "--from-corpus", str(corpus), "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    names = [each["encoder"] for each in rows if each["table"].startswith("Mean over")]
    assert names == ["libx264 medium", "libx265 medium"]
    (delta,) = [each for each in rows if each["table"] == "Bjontegaard deltas"]
    assert float(delta["BD-rate %"]) == pytest.approx(-40)


def test_benchmark_refuses_what_cannot_be_compared(tmp_path: Path) -> None:
    rows = [*sweep("libx264", 1.0), *sweep("libx265", 0.6, vmaf_model="vmaf_4k_v0.6.1")]
    path = corpus_file(tmp_path, rows)
    with pytest.raises(UsageError, match=r"several models vmaf_4k_v0\.6\.1, vmaf_v0\.6\.1"):
        api.benchmark(path)
    mixed = api.benchmark(path, allow_mixed=True)
    assert "several models" in mixed.notes[0]
    assert len(api.benchmark(path, model="vmaf_v0.6.1").curves) == 1
    with pytest.raises(UsageError, match="no row has a score of --model vmaf_b"):
        api.benchmark(path, model="vmaf_b_v0.6.3")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"target": "93", "target_vmaf": 93.0}, "same thing"),
        ({"target": "93", "statistic": "p5"}, "names metric and statistic itself"),
        ({"metric": "xpsnr", "target_vmaf": 93.0}, "is no score of xpsnr"),
        ({"metric": "xpsnr"}, "no row has a score of xpsnr"),
        ({"statistic": "p200"}, "no such statistic"),
        ({"baseline_encoder": "libaom"}, "none of the curves"),
        ({"display": (64, 64)}, "64x64"),
    ],
)
def test_benchmark_refuses_wrong_words(corpus: Path, given: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        api.benchmark(corpus, **given)  # pyright: ignore[reportArgumentType]


def test_benchmark_takes_a_target_on_a_statistic(corpus: Path) -> None:
    found = api.benchmark(corpus, target="vmaf:p5>=80", interpolation="akima")
    assert (found.metric, found.target) == ("vmaf_v0.6.1 p5", 80.0)


def test_benchmark_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no row"):
        api.benchmark(corpus_file(tmp_path, []))


def test_a_report_never_replaces_what_it_is_about(corpus: Path) -> None:
    before = corpus.read_bytes()
    with pytest.raises(UsageError):
        api.benchmark(corpus, report=corpus)
    with pytest.raises(OutputError, match="folder does not exist"):
        api.benchmark(corpus, report=corpus.parent / "nowhere" / "out.html")
    assert corpus.read_bytes() == before


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "cl<i>p.mkv"
    source = "testsrc2=size=192x128:rate=25,trim=end_frame=15"
    subprocess.run(
        [str(find_ffmpeg(None)), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "ffv1",
         str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def test_a_sweep_writes_a_page_of_its_rows(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out.html"
    words = ("--preset", "ultrafast", "--crf", "30,45", "-o", str(tmp_path / "c.jsonl"))
    assert run(monkeypatch, "corpus", str(clip), *words, "--report", str(page), "-q") == 0
    text = page.read_text("utf-8")
    assert "2 rows, 0 of them failed." in text
    assert "libx264 ultrafast" in text
    assert "cl&lt;i&gt;p.mkv" in text
    assert dangers(text) == []
    assert run(monkeypatch, "corpus", str(clip), *words, "--report", str(clip)) == 2
    assert "is the source" in capsys.readouterr().err


def test_vmaf_writes_a_page_with_its_worst_frames(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode = tmp_path / "encode.mp4"
    subprocess.run(
        [str(find_ffmpeg(None)), "-v", "error", "-i", str(clip), "-c:v", "libx264", "-crf", "45",
         str(encode)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    page = tmp_path / "out.html"
    words = ["-r", str(clip), "-d", str(encode), "--report", str(page), "--frame_skip_ref", "3",
             "--frame_skip_dist", "3", "-q"]  # fmt: skip
    assert vmaf.main(words) == 0
    text = page.read_text("utf-8")
    pairs = text.count('<figure class="pair">')
    assert pairs >= 1
    assert text.count('<img src="data:image/png;base64,') == pairs
    assert text.count('<img class="top" src="data:image/png;base64,') == pairs
    assert "1, 5, 25 and 50 % of them do not pass" in text
    assert dangers(text) == []
    assert vmaf.main([*words[:4], "--report", str(encode)]) == 2
    assert "encode.mp4" in capsys.readouterr().err


def test_vmaf_marks_the_shots(tmp_path: Path) -> None:
    film, encode, page = tmp_path / "film.mkv", tmp_path / "encode.mkv", tmp_path / "out.html"
    parts = "testsrc2=size=128x72:rate=25:duration=1.2[a];mandelbrot=size=128x72:rate=25[b]"
    graph = f"{parts};[b]trim=duration=1.2[c];[a][c]concat"
    program = [str(find_ffmpeg(None)), "-v", "error"]
    for words in (
        ["-f", "lavfi", "-i", graph, "-c:v", "ffv1", str(film)],
        ["-i", str(film), "-c:v", "libx264", "-crf", "40", str(encode)],
    ):
        subprocess.run([*program, *words], check=True, stdin=subprocess.DEVNULL)
    skip = ["--frame_skip_ref", "10", "--frame_skip_dist", "10"]
    words = ["-r", str(film), "-d", str(encode), *skip, "--report", str(page), "-q"]
    assert vmaf.main(words) == 0
    text = page.read_text("utf-8")
    assert "2 shots start at the thin lines" in text
    # The cut at frame 30 of the film is frame 20 of what was scored.
    assert re.search(r"<td class=.n.>2</td><td class=.n.>20</td><td class=.n.>30</td>", text)


def test_zones_print_tables_and_write_a_page(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out.html"
    words = ("zones", str(clip), "--zone", "0-7:q=45", "--preset", "veryfast", "-q")
    assert run(monkeypatch, *words, "--report", str(page), "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {each["table"] for each in rows} >= {"Zones", "The whole video"}
    (row,) = [each for each in rows if each["table"] == "Zones"]
    assert row["zone"] == "0,7,q=45"
    assert float(row["change %"]) < 0
    text = page.read_text("utf-8")
    assert "Each zone changed the bits of its frames" in text
    assert dangers(text) == []
    assert run(monkeypatch, *words, "--report", str(clip)) == 2


def test_a_plan_prints_tables_and_writes_a_page(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out.html"
    words = ("auto", str(clip), "--target", "80", "--allow-codecs", "x264", "--preset", "fast")
    assert run(monkeypatch, *words, "--report", str(page), "--format", "markdown", "-q") == 0
    assert "## Expected, not measured" in capsys.readouterr().out
    text = page.read_text("utf-8")
    assert "Nothing was encoded." in text
    assert dangers(text) == []
    runs = ("--execute", "--runs-dir", str(tmp_path / "runs"))
    assert run(monkeypatch, *words, *runs, "--report", str(page), "--format", "json", "-q") == 0
    record = json.loads(capsys.readouterr().out)
    text = page.read_text("utf-8")
    assert f"reaches the target with {record['results'][0]['bitrate_kbps']:.0f} kbps" in text
    assert "Measured on the whole source" in text
    frames = re.search(r"Frame by frame, the chosen encode.*?of (\d+) frames", text, re.DOTALL)
    assert frames and int(frames[1]) == record["plan"]["metadata"]["source_meta"]["frame_count"]
    setting = record["results"][0]["crf"]
    assert re.search(
        rf"<h2>Commands</h2>\s*<pre[^>]*>[^<]*-c:v libx264 [^<]*-crf {setting:g} ", text
    )


def test_a_sweep_and_a_decision_print_tables(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(api.corpus_text(corpus, "json"))["tables"][0]["title"] == "Curves"
    rows = csv.DictReader(io.StringIO(api.corpus_text(corpus, "csv")))
    assert Counter(each["table"] for each in rows) == {"Curves": 2, "Rows": 12}
    words = ("recommend", "--from-corpus", str(corpus), "--encoder", "libx264", "--target", "90")
    assert run(monkeypatch, *words, "--format", "markdown") == 0
    assert "## Result" in capsys.readouterr().out


def test_a_decision_from_rows_writes_a_page(corpus: Path) -> None:
    page = corpus.with_name("out.html")
    found = api.recommend(from_corpus=corpus, encoder="libx264", target=["90"], report=page)
    text = page.read_text("utf-8")
    assert found.met
    assert found.quality is not None
    assert f"crf {found.quality.value:g} meets" in text
    assert dangers(text) == []
    with pytest.raises(UsageError):
        api.recommend(from_corpus=corpus, encoder="libx264", target=["90"], report=corpus)


@pytest.mark.parametrize("verb", ["corpus", "recommend", "ladder"])
def test_a_dry_run_has_no_report_and_says_so(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["vmaf-tune", verb, "film.mkv", "--dry-run", "--report", str(tmp_path / "a.html")]
    monkeypatch.setattr(sys, "argv", words)
    assert run_app("vmaf-tune", app) == 2
    assert "--dry-run measures nothing" in capsys.readouterr().err
