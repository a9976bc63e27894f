"""What the documents say is what the programs do."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from vmafkit import errors
from vmafkit.schema import corpus, exports

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ROW = re.compile(r"^\| (\d+) \| `([\w-]+)` \| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.M)


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_derived_is_up_to_date(generate: ModuleType) -> None:
    made: dict[str, str] = generate.made()
    old = [name for name, text in made.items() if _differs(DOCS / name, text)]
    assert old == [], "run python docs/generate.py"
    kept = {path.relative_to(DOCS).as_posix() for path in (DOCS / "schemas").glob("*")}
    assert kept == {name for name in made if name.startswith("schemas/")}


def _differs(path: Path, text: str) -> bool:
    kept = path.read_text("utf-8") if path.exists() else ""
    return json.loads(kept or "0") != json.loads(text) if path.suffix == ".json" else kept != text


def test_a_change_would_be_noticed(generate: ModuleType, tmp_path: Path) -> None:
    text: str = generate.made()["cli.md"]
    assert "`--crf`, `--quality`" in text
    (tmp_path / "cli.md").write_text(text.replace("--quality", "--quantity"), "utf-8")
    assert _differs(tmp_path / "cli.md", text)
    assert _differs(tmp_path / "gone.json", "{}")


def _classes() -> list[type[errors.VmafkitError]]:
    found = [errors.VmafkitError]
    for each in found:
        found += [sub for sub in each.__subclasses__() if sub.__module__ == errors.__name__]
    return found


def test_errors_md_names_every_error_with_its_code() -> None:
    written = [(int(code), word, name) for code, word, name, _, _ in _rows()]
    meant = [(each.exit_code, each.code, each.__name__) for each in _classes()]
    assert sorted(written) == sorted(meant)


def test_errors_md_gives_a_cause_and_a_way_on() -> None:
    rows = _rows()
    assert len(rows) > 20
    assert all(len(cause) > 10 and len(way_on) > 10 for *_, cause, way_on in rows)


def _rows() -> list[tuple[str, str, str, str, str]]:
    return ROW.findall((DOCS / "errors.md").read_text("utf-8"))


def test_no_two_errors_share_a_word() -> None:
    words = [each.code for each in _classes()]
    assert len(words) == len(set(words))


def test_a_row_fits_the_published_schema() -> None:
    schema = json.loads((DOCS / "schemas" / "corpus-row.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    row = dict.fromkeys(corpus.V1_KEYS) | {
        "schema_version": 1, "run_id": "a", "timestamp": "2026-01-01T00:00:00Z", "src": "a.mkv",
        "width": 2, "height": 2, "pix_fmt": "yuv420p", "framerate": 25.0, "duration_s": 1.0,
        "encoder": "libx264", "crf": 23, "extra_params": [], "exit_status": 0,
    }  # fmt: skip
    line = corpus.to_line(corpus.CorpusRow.model_validate(row))
    jsonschema.validate(json.loads(line), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(line) | {"crf": "23"}, schema)


def test_an_unknown_schema_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(errors.UsageError, match="nope") as caught:
        exports.json_schema("nope")
    assert "corpus-row" in caught.value.hint


FIGURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)|\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md", "docs/errors.md", "docs/security.md"])
def test_a_page_links_to_what_exists(page: str) -> None:
    path = ROOT / page
    links = [one or other for one, other in FIGURE.findall(path.read_text("utf-8"))]
    assert [link for link in links if not (path.parent / link).exists()] == []
