"""Sources behind presigned URLs: the secret is written nowhere, and copies do not pile up."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from tests.corpus_kit import make_clips

from vmafkit import api, fsio, settings
from vmafkit.errors import Unreadable, UsageError, VmafkitError
from vmafkit.execute.cluster import worker
from vmafkit.media import fetched, remote
from vmafkit.media.hashing import content_hash
from vmafkit.media.probe import open_source

pytest.importorskip("distributed")
pytest.importorskip("aiohttp")

SECRET = "s3cr3t+sig/nature"
QUERY = "X-Amz-Credential=AKIDSECRET&X-Amz-Signature=s3cr3t%2Bsig%2Fnature"
FORMS = [b"X-Amz", b"s3cr3t", b"AKIDSECRET"]


@dataclass(frozen=True)
class Site:
    """A server on this machine.

    Attributes:
        address: its URL, without a path.
        folder: what it serves.
        asked: the paths that were asked for, with their queries.
    """

    address: str
    folder: Path
    asked: list[str]


class _Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        is_open = self.path.startswith("/open/")
        # The client spells the query anew.
        if not is_open and unquote(QUERY) not in unquote(self.path):
            self.send_error(403)
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder, asked = tmp_path / "site", list[str]()
    folder.mkdir()
    handler = type("Handler", (_Handler,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(f"http://127.0.0.1:{server.server_address[1]}", folder, asked)
    server.shutdown()
    server.server_close()


def leaks(*places: Path | bytes) -> list[str]:
    """Where a form of the secret stands: in bytes, or in the files of a folder and their names."""
    found: list[str] = []
    for place in places:
        if isinstance(place, bytes):
            found += [f"printed: {form!r}" for form in FORMS if form in place]
            continue
        for path in place.rglob("*"):
            data = os.fsencode(path) + (path.read_bytes() if path.is_file() else b"")
            found += [f"{path}: {form!r}" for form in FORMS if form in data]
    return found


def command(url: str, output: Path, cache: Path) -> subprocess.CompletedProcess[bytes]:
    start = "import sys; from vmafkit.cli.tune import main; sys.exit(main())"
    words = [
        *(sys.executable, "-c", start, "corpus", url, "--crf", "30,40", "--preset", "ultrafast"),
        *("--cluster", "local:1", "-o", str(output)),
    ]
    within = {**os.environ, "VMAFKIT_CACHE": str(cache), "VMAFKIT_DEBUG": "1"}
    return subprocess.run(words, capture_output=True, timeout=120, check=False, env=within)


def test_a_secret_in_a_url_is_in_nothing_that_a_run_writes_or_says(
    site: Site, tmp_path: Path
) -> None:
    clip = make_clips(tmp_path / "site")["one"]
    cache, out = tmp_path / "cache", tmp_path / "out"
    out.mkdir()
    url = f"{site.address}/{clip.name}?{QUERY}"
    ran = command(url, out / "rows.jsonl", cache)
    assert ran.returncode == 0, ran.stderr
    assert any("s3cr3t" in asked for asked in site.asked)
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_bytes().splitlines()]
    assert [row["src"] for row in rows] == [f"{site.address}/{clip.name}"] * 2
    # The locks name the command, and the note the address.
    written = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
    assert f"{site.address}/{clip.name}".encode() in written
    assert leaks(cache, out, ran.stdout, ran.stderr) == []
    missing = command(f"{site.address}/none.mkv?{QUERY}", out / "none.jsonl", cache)
    assert missing.returncode == 1
    assert f"{site.address}/none.mkv cannot be fetched".encode() in missing.stderr
    assert leaks(cache, out, missing.stdout, missing.stderr) == []


@pytest.mark.parametrize(
    "url",
    [f"{{}}/none.mkv?{QUERY}", f"{{}}/a::b?{QUERY}", f"ftp://user:s3cr3t@host/a.mkv?{QUERY}",
     f"http://user:s3cr3t@host/a.mkv?{QUERY}", f"nowhere://h/a.mkv?{QUERY}"],
)  # fmt: skip
def test_an_error_does_not_tell_the_secret(site: Site, tmp_path: Path, url: str) -> None:
    with pytest.raises((Unreadable, UsageError)) as told:
        remote.fetch(url.format(site.address), tmp_path / "cache")
    error: VmafkitError = told.value
    assert leaks(str(error.record()).encode(), error.sentence().encode(), tmp_path / "cache") == []
    assert error.__cause__ is None


def test_what_a_library_says_loses_the_secret_in_every_spelling() -> None:
    url = f"https://user:pw@host/a.mkv?{QUERY}"
    said = ValueError(f"403 for {url!r}, signature {SECRET} or s3cr3t%2Bsig%2Fnature")
    told = remote._told(said, url)  # pyright: ignore[reportPrivateUsage]
    assert leaks(told.encode()) == [] and "pw" not in told
    assert told.startswith("403 for 'https://host/a.mkv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://u:p@h:80/a/b.mkv?x=1#y", "https://h:80/a/b.mkv"),
        ("see s3://b/a@b?v=1 and 'gs://c/d'", "see s3://b/a@b and 'gs://c/d'"),
        ("--source=https:/h/p?X-Amz-Signature=1 -o a", "--source=https:/h/p -o a"),
        ("is it? 50 % #1 a@b.c", "is it? 50 % #1 a@b.c"),
    ],
)
def test_a_url_in_a_text_keeps_scheme_host_and_path(text: str, expected: str) -> None:
    assert fsio.without_secrets(text) == expected


def test_only_this_process_knows_where_a_signed_copy_came_from(site: Site, tmp_path: Path) -> None:
    (site.folder / "a.mkv").write_bytes(b"video")
    url = f"{site.address}/a.mkv?{QUERY}"
    copy = remote.fetch(url, tmp_path / "cache")
    assert remote.origin_of(copy) == url
    remote._urls.clear()  # pyright: ignore[reportPrivateUsage]
    assert remote.origin_of(copy) is None


def test_a_corpus_of_a_url_is_verified_on_another_machine(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clips(tmp_path / "site")["one"]
    (site.folder / "open").mkdir()
    (site.folder / "open" / clip.name).write_bytes(clip.read_bytes())
    outcomes: list[str] = []
    for number, name in enumerate((f"open/{clip.name}", f"{clip.name}?{QUERY}")):
        monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / f"here{number}"))
        (copy,) = api.local_copies([f"{site.address}/{name}"])
        rows = tmp_path / f"{number}.jsonl"
        plan = api.plan_corpus([copy], crf=["30"], preset=["ultrafast"], score_backend="libvmaf")
        api.corpus(plan, rows)
        assert str(tmp_path).encode() not in rows.read_bytes()
        monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / f"there{number}"))
        (left,) = api.verify(rows).checked
        assert left.outcome == "source-missing" and "--fetch" in left.message
        outcomes += [each.outcome for each in api.verify(rows, fetch=True).checked]
    # Nobody knows the secret of the second.
    assert outcomes == ["same", "source-missing"]
    (site.folder / "open" / clip.name).write_bytes(clip.read_bytes() + b"x")
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "later"))
    (checked,) = api.verify(tmp_path / "0.jsonl", fetch=True).checked
    assert checked.outcome == "source-missing" and "another file" in checked.message


def test_a_task_that_dask_logs_does_not_show_the_url(site: Site, tmp_path: Path) -> None:
    clip = make_clips(site.folder)["one"]
    copy = remote.fetch(f"{site.address}/{clip.name}?{QUERY}", tmp_path / "cache")
    located = worker.locate(open_source(copy), content_hash(copy))
    assert located.url and QUERY in located.url
    assert leaks(repr(located).encode(), repr([located]).encode()) == []
    with ExitStack() as until:
        assert worker.place(located, tmp_path, until=until).path.read_bytes() == clip.read_bytes()


def fill(room: Path, name: str, used_s: float, size: int = 1000) -> Path:
    """A copy that nobody uses."""
    folder = room / name
    folder.mkdir(parents=True)
    (folder / "video-a.mkv").write_bytes(b"x" * size)
    with fetched.fetching(room, name), ExitStack() as until:
        fetched.hold(room, name, until)
    os.utime(room / ".locks" / f"{name}.use", (used_s, used_s))
    return folder


def test_copies_that_were_not_used_for_longest_go_first(tmp_path: Path) -> None:
    old, middle, new = (fill(tmp_path, name, age) for name, age in (("b", 1), ("a", 2), ("c", 3)))
    fetched.trim(tmp_path, 3000)
    assert old.exists()
    fetched.trim(tmp_path, 2500)
    assert [each.exists() for each in (old, middle, new)] == [False, True, True]
    fetched.trim(tmp_path, 0)
    assert not middle.exists() and not new.exists()


def test_a_copy_in_use_stays_here_and_in_another_process(tmp_path: Path) -> None:
    mine, theirs, free = (fill(tmp_path, name, 1) for name in ("mine", "theirs", "free"))
    start = (
        "import sys; from pathlib import Path; from vmafkit.media import fetched\n"
        f"room = Path({str(tmp_path)!r})\n"
        "with fetched.fetching(room, 'theirs'): fetched.hold(room, 'theirs', None)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with fetched.fetching(tmp_path, "mine"), ExitStack() as until:
            fetched.hold(tmp_path, "mine", until)
            with ExitStack() as second:
                fetched.hold(tmp_path, "mine", second)
        # `until` has ended; a second use is still there.
        with ExitStack() as use:
            with fetched.fetching(tmp_path, "mine"):
                fetched.hold(tmp_path, "mine", use)
            fetched.trim(tmp_path, 0)
            assert [each.exists() for each in (mine, theirs, free)] == [True, True, False]
    finally:
        other.kill()
        other.communicate()
    fetched.trim(tmp_path, 0)
    assert not mine.exists() and not theirs.exists()


def test_a_fetch_keeps_the_folder_within_its_bound_and_what_it_gave(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMAFKIT_FETCHED_GB", "0.000001")
    paths: list[Path] = []
    for number in range(3):
        (site.folder / f"{number}.mkv").write_bytes(bytes(900))
        with ExitStack() as until:
            url = f"{site.address}/{number}.mkv?{QUERY}"
            paths.append(remote.fetch(url, tmp_path / "cache", until=until))
            assert paths[-1].is_file()
    assert [path.is_file() for path in paths] == [False, False, True]
    # What went is fetched again when it is asked for.
    again = remote.fetch(f"{site.address}/0.mkv?{QUERY}", tmp_path / "cache")
    assert again == paths[0] and again.read_bytes() == bytes(900)


def test_a_url_that_is_taken_for_a_path_keeps_its_secret(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as told:
        open_source(f"http://user:s3cr3t@host/b/a.mkv?{QUERY}")
    assert told.value.sentence() == (
        "http://host/b/a.mkv is no file of this machine (a URL is fetched only with --cluster)"
    )
    # A folder may have such a name.
    with pytest.raises(Unreadable, match="does not exist"):
        open_source(tmp_path / "http" / "a.mkv")


@pytest.mark.parametrize("word", ["many", "-1", "1e9", "nan"])
def test_a_bound_that_is_no_number_is_refused(word: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("VMAFKIT_FETCHED_GB", word)
    with pytest.raises(UsageError, match="is no number"):
        settings.fetched_bytes()
