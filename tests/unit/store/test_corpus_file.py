"""A corpus file keeps its rows, and gives one row for each trial."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from tests.rows_kit import row

from vmafkit.errors import OutputError, SchemaTooNew, StoreCorrupt, Unreadable
from vmafkit.schema.corpus import to_line
from vmafkit.store.corpus_file import CorpusFile, latest, read_corpus


def test_failed_trials_are_kept_tried_again_and_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    corpus = CorpusFile(path)
    assert corpus.rows() == []
    assert corpus.append(row("a", 1, vmaf_score=None, error="no"))
    assert corpus.append(row("b"))
    assert corpus.done_keys() == {"b"}
    again = CorpusFile(path)
    assert again.append(row("a"))
    assert not again.append(row("a", vmaf_score=1.0))
    assert not again.append(row("b"))
    assert again.done_keys() == {"a", "b"}
    assert [(r.trial_key, r.exit_status) for r in again.rows()] == [("a", 1), ("b", 0), ("a", 0)]
    assert [(r.trial_key, r.exit_status) for r in again.latest()] == [("a", 0), ("b", 0)]


def test_a_late_failure_does_not_hide_a_success() -> None:
    rows = [row("a", 1), row("a", 2), row("b"), row("b", 3), row(None), row(None)]
    assert [(r.trial_key, r.exit_status) for r in latest(rows)] == [
        ("a", 2), ("b", 0), (None, 0), (None, 0),
    ]  # fmt: skip


def test_half_a_row_is_set_aside_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(to_line(row("a")) + to_line(row("b"))[:-9])
    with caplog.at_level(logging.WARNING):
        corpus = CorpusFile(path)
    assert corpus.torn is not None
    assert str(corpus.torn) in caplog.text
    assert corpus.done_keys() == {"a"}


def test_a_damaged_line_is_named_or_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "corpus.jsonl"
    lines = [to_line(row(key)) for key in "abc"]
    path.write_bytes(lines[0] + lines[1].replace(b'"a.mkv"', b'"b.mkv"') + lines[2])
    with pytest.raises(StoreCorrupt, match=r"corpus\.jsonl:2"):
        read_corpus(path)
    with pytest.raises(StoreCorrupt):
        CorpusFile(path)
    rows = read_corpus(path, on_corrupt="skip")
    assert [r.trial_key for r in rows] == ["a", "c"]
    assert "corpus.jsonl:2" in caplog.text
    assert CorpusFile(path, on_corrupt="skip").done_keys() == {"a", "c"}


def test_a_damaged_newline_costs_no_row(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    lines = [to_line(row(key)) for key in "abc"]
    path.write_bytes(lines[0][:-1] + b"\x0b" + lines[1] + lines[2])
    with pytest.raises(StoreCorrupt, match=r"corpus\.jsonl:1"):
        read_corpus(path)
    assert [r.trial_key for r in read_corpus(path, on_corrupt="skip")] == ["a", "b", "c"]


def test_rows_of_a_newer_version_are_refused_even_when_skipping(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    newer = json.loads(to_line(row("a"))) | {"schema_version": 5}
    del newer["checksum"]
    path.write_bytes(json.dumps(newer).encode() + b"\n")
    with pytest.raises(SchemaTooNew):
        read_corpus(path, on_corrupt="skip")


def test_a_file_without_last_newline_and_with_empty_lines_is_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    content = b"\n" + to_line(row("a")) + b"\r\n" + to_line(row("b"))[:-1]
    path.write_bytes(content)
    assert [r.trial_key for r in read_corpus(path)] == ["a", "b"]
    assert path.read_bytes() == content


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        CorpusFile(tmp_path / "no" / "corpus.jsonl")
    with pytest.raises(OutputError, match="plain file"):
        CorpusFile(tmp_path)
    with pytest.raises(Unreadable):
        read_corpus(tmp_path / "missing.jsonl")


@pytest.mark.parametrize(
    "content", [b'{"a":1}', b'{"schema_version":4,"a":1}', b"\xff\xfe\0", b"notes\nmore"]
)
def test_a_file_that_is_no_corpus_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"notes\.json"):
        CorpusFile(path)
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_a_line_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(to_line(row("k")))
    with path.open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(Unreadable, match="jsonl:2 is longer"):
        read_corpus(path)
