"""What is read without a tool: files by page, their list, and how large any answer is."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.exceptions import MCPError

from mcp_kit import Live, live
from vmafkit.mcp.resources import _cut_at  # pyright: ignore[reportPrivateUsage]
from vmafkit.mcp.summaries import MOST_BYTES, PAGE_BYTES

from .conftest import Place

FILES = {
    "job-1/picture.png": os.urandom(3 * PAGE_BYTES + 11),
    "job-1/controls.txt": bytes(range(32)) * (PAGE_BYTES // 16),
    "job-1/quotes.json": b'"\\' * PAGE_BYTES,
    "job-1/ladder/hls/a b#c?d%.m3u8": "".join(f"#Größe {n} 日本\n" for n in range(5000)).encode(),
    "job-1/emoji.txt": b"x" + "🙂".encode() * (PAGE_BYTES // 3),
    "rows.jsonl": b'{"a":1}\n' * 9000,
    "job-1/empty.txt": b"",
}


@pytest.fixture(scope="module")
def filled(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose output folder has all kinds of files."""
    out = tmp_path_factory.mktemp("filled")
    for name, data in FILES.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    (out / "job-1" / ".hidden").write_bytes(b"x")
    (out / "job-1" / "link.mkv").symlink_to(place.secret)
    (out / "away").symlink_to(place.secret.parent)
    (out / "many").mkdir()
    for number in range(120):
        path = out / "many" / f"{number:03d}.txt"
        path.write_bytes(b"x")
        os.utime(path, (1000 + number, 1000 + number))
    with live(place.media, out) as connected:
        yield connected


def page_of(served: Live, name: str, page: int) -> dict[str, Any]:
    """A page, which may not be larger than any other answer."""
    answer = served.ask(served.client.read_resource, f"vmafkit://out/{name}/{page}")
    assert len(answer.model_dump_json().encode()) <= MOST_BYTES
    return json.loads(answer.contents[0].text)


@pytest.mark.parametrize("name", FILES)
def test_the_pages_of_a_file_are_its_bytes_and_none_is_too_large(filled: Live, name: str) -> None:
    first = page_of(filled, quote(name), 1)
    pages = [first] + [page_of(filled, quote(name), n) for n in range(2, first["pages"] + 1)]
    data = b"".join(
        base64.b64decode(page["base64"]) if "base64" in page else page["text"].encode()
        for page in pages
    )
    assert data == FILES[name]
    is_text = name not in ("job-1/picture.png", "job-1/controls.txt", "job-1/quotes.json")
    assert all(("text" in page) is is_text for page in pages)


def test_a_name_with_folders_is_read_with_slashes_and_without(filled: Live) -> None:
    name = "job-1/ladder/hls/a b#c?d%.m3u8"
    assert page_of(filled, quote(name), 1) == page_of(filled, quote(name, safe=""), 1)


@given(st.text(max_size=40), st.integers(0, 60))
def test_a_page_never_ends_within_a_character(text: str, place: int) -> None:
    data = text.encode("utf-8", "ignore")
    cut = _cut_at(data, min(place, len(data)))
    assert min(place, len(data)) <= cut <= place + 3
    assert data[:cut].decode() + data[cut:].decode() == data.decode()


def test_the_newest_files_are_listed_and_can_be_read(filled: Live) -> None:
    listed = filled.ask(filled.client.list_resources).resources
    uris = [str(each.uri) for each in listed]
    assert uris[0] == "vmafkit://server" and len(uris) == 101
    named = [each.name for each in listed[1:]]
    assert set(FILES) <= set(named[: len(FILES)])
    rest = len(named) - len(FILES)
    assert named[len(FILES) :] == [f"many/{119 - n:03d}.txt" for n in range(rest)]
    assert not [name for name in named if "link" in name or "away" in name or "hidden" in name]
    assert "100 of 127 files" in str(listed[1].description)
    for each in listed[1 : len(FILES) + 1]:
        found = filled.ask(filled.client.read_resource, str(each.uri)).contents[0]
        assert json.loads(found.text)["bytes"] == each.size == len(FILES[each.name])


def test_names_that_lead_out_are_refused(filled: Live, place: Place) -> None:
    whole = str(place.secret)
    ways = ("../secret.mkv", "..%2F..%2Fx", whole, quote(whole, safe=""))
    for name in (*ways, "job-1/link.mkv", "away/secret.mkv", "job-1", "gone"):
        with pytest.raises(MCPError):
            filled.ask(filled.client.read_resource, f"vmafkit://out/{name}/1")


def test_what_a_client_makes_up_is_not_said_again_in_whole(filled: Live) -> None:
    long = "x" * 1_000_000
    asked = [
        (filled.client.read_resource, f"vmafkit://jobs/{long}/result/1"),
        (filled.client.read_resource, f"vmafkit://out/{long}/1"),
        (filled.client.read_resource, f"other://{long}"),
        (filled.client.get_prompt, long),
        (filled.client.get_prompt, "judge_encode", {"reference": long, "distorted": "b"}),
    ]
    for function, *words in asked:
        with pytest.raises(MCPError) as caught:
            filled.ask(function, *words)
        assert len(caught.value.error.model_dump_json()) < 2000
    answer = filled.call(long)
    assert answer.is_error and len(answer.model_dump_json()) < 2000
    for words in ({"source": long}, {long: 1}, {"verb": "ladder", "source": "g", long: 1}):
        answer = filled.call("plan", **words)
        assert answer.is_error and len(answer.model_dump_json()) < 8000


def test_the_bounds_and_names_are_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text("utf-8")
    assert "vmafkit://out/{+name}/{page}" in text and "%2F" in text and "base64" in text
