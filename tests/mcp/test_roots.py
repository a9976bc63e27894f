"""No name leads out of the roots, and no link swapped during a call is followed."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.r_record import note

from mcp_kit import Live, environment, live, record_of, server_words
from vmafkit import fsio
from vmafkit.errors import Changed, InputError, OutputError, Refused, Unreadable, UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.mcp import leftovers
from vmafkit.mcp import roots as roots_module
from vmafkit.mcp.roots import CallFiles, Roots, read_bytes
from vmafkit.models.registry import shipped_folder
from vmafkit.scoring.model_json import model_json

from .conftest import Place

MARK = b"SECRET"


@pytest.fixture
def jail(tmp_path: Path) -> Path:
    """A root `in`, and a secret beside it in a folder whose name begins the same."""
    inside, outside = tmp_path / "in", tmp_path / "in-secret"
    for folder in (inside / "sub", outside, tmp_path / "out"):
        folder.mkdir(parents=True)
    (outside / "s.mkv").write_bytes(MARK)
    (inside / "sub" / "v.mkv").write_bytes(b"video")
    (inside / "link.mkv").symlink_to(outside / "s.mkv")
    (inside / "up").symlink_to("..")
    (inside / "chain.mkv").symlink_to("link.mkv")
    (inside / "ring").symlink_to("ring")
    os.mkfifo(inside / "pipe.mkv")
    return inside


def forms(secret: Path, inside: Path) -> dict[str, str]:
    """Sixteen ways to name a file outside of a root."""
    folder = secret.parent.name
    return {
        "dots": f"../{folder}/{secret.name}",
        "deep dots": f"sub/../../{folder}/{secret.name}",
        "absolute": str(secret),
        "absolute dots": f"{inside}/../{folder}/{secret.name}",
        "sibling prefix": f"{inside}-secret/{secret.name}",
        "link": "link.mkv",
        "link to a link": "chain.mkv",
        "linked folder": f"up/{folder}/{secret.name}",
        "proc": f"/proc/self/root{secret}",
        "doubled slashes": f"//{secret}",
        "protocol": f"file:{secret}",
        "url": f"file://{secret}",
        "concat": f"concat:{secret}|{secret}",
        "subfile": f"subfile,,start,0,end,0,,:{secret}",
        "control character": f"sub/v.mkv\0/../../{folder}/{secret.name}",
        "home": f"~/../../../../../..{secret}",
    }


def escapes(opened: Callable[[str], bytes], jail: Path) -> list[str]:
    """The forms by which the secret can be read."""
    found: list[str] = []
    for form, name in forms(jail.with_name("in-secret") / "s.mkv", jail).items():
        try:
            content = opened(name)
        except (InputError, OSError, ValueError):
            continue
        if content.startswith(MARK):
            found.append(form)
    return found


def reader(roots: Roots) -> Callable[[str], bytes]:
    """Opens and reads by the rules of the roots."""

    def opened(name: str) -> bytes:
        file = roots.look_up(name)
        try:
            return read_bytes(file, 100)
        finally:
            os.close(file.handle)

    return opened


def test_no_form_of_a_name_leads_out(jail: Path) -> None:
    roots = Roots([str(jail)], str(jail.with_name("out")))
    assert len(forms(jail, jail)) == 16
    assert reader(roots)("sub/v.mkv") == b"video"
    assert reader(roots)(str(jail / "sub" / ".." / "sub" / "v.mkv")) == b"video"
    assert escapes(reader(roots), jail) == []


def test_a_jail_of_prefixes_would_be_found_out(jail: Path) -> None:
    """The test above can fail: a root that compares texts lets the sibling through."""

    def by_prefix(name: str) -> bytes:
        path = os.path.realpath(jail / name)
        if not path.startswith(str(jail)):
            raise ValueError(name)
        return Path(path).read_bytes()

    assert "sibling prefix" in escapes(by_prefix, jail)


@pytest.mark.parametrize("name", ["sub", ".", "pipe.mkv", "ring", "", "gone.mkv", "sub/v.mkv/x"])
def test_what_is_no_plain_file_is_refused(jail: Path, name: str) -> None:
    with pytest.raises(InputError):
        Roots([str(jail)], str(jail.with_name("out"))).look_up(name)


def test_an_outside_file_is_refused_alike_whether_it_is_there_or_not(jail: Path) -> None:
    roots = Roots([str(jail)], str(jail.with_name("out")))
    said: set[str] = set()
    for name in ("s.mkv", "t.mkv"):
        with pytest.raises(InputError) as caught:
            roots.look_up(f"../in-secret/{name}")
        said.add(caught.value.sentence().replace(name, "NAME"))
    assert len(said) == 1


def open_below(folder: Path) -> int:
    """How many handles of this process lead below a folder."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += link.readlink().is_relative_to(folder)
    return count


@pytest.fixture
def two(jail: Path) -> Roots:
    """Roots `media` and `out`, with files in both."""
    out = jail.with_name("out")
    for folder in (jail / "out", out / "job-1", jail / "job-1"):
        folder.mkdir()
    for path in (jail / "out" / "a.mkv", out / "job-1" / "b.mkv", out / "job-1" / "v.mkv"):
        path.write_bytes(path.name.encode())
    (jail / "job-1" / "v.mkv").write_bytes(b"another")
    return Roots([f"media={jail}"], str(out))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("media/sub/v.mkv", b"video"),
        ("sub/v.mkv", b"video"),
        ("out/job-1/b.mkv", b"b.mkv"),
        ("job-1/b.mkv", b"b.mkv"),
        ("out/job-1/v.mkv", b"v.mkv"),
        ("media/job-1/v.mkv", b"another"),
        ("out/a.mkv", b"a.mkv"),
        ("media/out/a.mkv", b"a.mkv"),
    ],
)
def test_a_name_may_begin_with_its_root(two: Roots, name: str, content: bytes) -> None:
    """Also where a folder of the same name stands in a root."""
    assert reader(two)(name) == content


def test_a_name_in_two_roots_is_refused_and_both_are_named(two: Roots, jail: Path) -> None:
    before = open_below(jail.parent)
    with pytest.raises(Refused) as caught:
        two.look_up("job-1/v.mkv")
    assert caught.value.message == "job-1/v.mkv is in media and out"
    for folder in (jail, jail.with_name("out")):
        assert str(folder / "job-1" / "v.mkv") in caught.value.hint
    assert open_below(jail.parent) == before


def test_a_file_below_two_roots_is_one_file(jail: Path) -> None:
    roots = Roots([f"all={jail}", f"sub={jail / 'sub'}"], str(jail.with_name("out")))
    for name in ("v.mkv", "sub/v.mkv", "all/sub/v.mkv", "sub/../sub/v.mkv"):
        assert reader(roots)(name) == b"video"


@pytest.mark.parametrize("name", ["media/../in-secret/s.mkv", "media/link.mkv", "out/../x"])
def test_a_roots_name_does_not_lead_out(two: Roots, name: str) -> None:
    with pytest.raises(Refused, match="outside"):
        two.look_up(name)


def test_a_call_holds_no_more_files_than_it_may(two: Roots, jail: Path) -> None:
    for number in range(4):
        (jail / f"{number}.mkv").write_bytes(b"video")
    two.most_held = 3
    before = open_below(jail.parent)
    first, second = CallFiles(two, "job-1"), CallFiles(two, "job-2")
    first.read("0.mkv")
    for number in (1, 2, 1, 2):
        second.read(f"{number}.mkv")
    with pytest.raises(Refused, match="as many files as the server may open"):
        second.read("3.mkv")
    assert len(two.held) == 1
    second.read("3.mkv")
    first.close()
    second.close()
    assert open_below(jail.parent) == before


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_what_cannot_be_looked_up_again_is_not_said_to_be_replaced(
    jail: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    files = CallFiles(Roots([str(jail)], str(jail.with_name("out"))), "job-1")
    files.read("sub/v.mkv")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as fault:
        fault.setattr(roots_module, "_walk", fail)
        with pytest.raises(Unreadable, match=os.strerror(number)):
            files.verify()
    files.verify()
    (jail / "sub" / "v.mkv").unlink()
    with pytest.raises(Changed):
        files.verify()
    files.close()


def test_the_server_raises_its_own_limit_of_open_files(place: Place, tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    words = server_words(place.media, tmp_path)
    at = words.index("-c") + 1
    words[at] = (
        "import resource as r; from vmafkit.mcp import app\n"
        f"r.setrlimit(r.RLIMIT_NOFILE, (100, {hard}))\n"
        "app.Server.run = lambda self, how: print(r.getrlimit(r.RLIMIT_NOFILE))\n" + words[at]
    )
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(),
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == f"({hard}, {hard})\n"


def test_folders_that_a_killed_server_left_are_tidied_and_no_others(jail: Path) -> None:
    out = jail.with_name("out")
    names = {n: out / f"job-{n:012x}" for n in range(5)}
    for folder in [*names.values(), out / "job-mine"]:
        folder.mkdir()
    (names[1] / f"{fsio.TEMP_PREFIX}1.mkv").write_bytes(b"half")
    (names[2] / "whole.mkv").write_bytes(b"video")
    names[3].rmdir()
    names[3].symlink_to(jail)
    names[4].rmdir()
    roots = Roots([str(jail)], str(out))
    running = CallFiles(roots, names[4].name)
    running.write("x.mkv")
    running.begin()
    kept = {names[2], names[3], names[4], out / "job-mine"}
    assert leftovers.tidy(roots.out.handle, out) == 2
    assert set(out.iterdir()) == kept
    assert leftovers.tidy(Roots([str(jail)], str(out)).out.handle, out) == 0
    running.close()
    assert set(out.iterdir()) == kept - {names[4]}


@pytest.mark.parametrize("word", ["/", "/does/not/exist"])
def test_a_root_is_a_folder_below_the_disk(tmp_path: Path, word: str) -> None:
    with pytest.raises(UsageError):
        Roots([word], str(tmp_path))


def race(swap: Callable[[], None], act: Callable[[], None], rounds: int) -> None:
    """Act so many times while another thread swaps."""
    over = threading.Event()

    def swapping() -> None:
        while not over.is_set():
            swap()

    thread = threading.Thread(target=swapping)
    thread.start()
    try:
        for _ in range(rounds):
            act()
    finally:
        over.set()
        thread.join()


def exchange(one: Path, spare: Path) -> Callable[[], None]:
    """Put two names in each other's place, again and again."""
    third = one.with_name("third")

    def swap() -> None:
        one.rename(third)
        spare.rename(one)
        third.rename(spare)

    return swap


@pytest.mark.parametrize("what", ["link", "folder"])
def test_a_thousand_swaps_give_no_escape(jail: Path, what: str) -> None:
    roots = Roots([str(jail)], str(jail.with_name("out")))
    (jail / "away").symlink_to(jail.with_name("in-secret"))
    (jail / "sub" / "s.mkv").write_bytes(b"video")
    (jail / "plain.mkv").write_bytes(b"video")
    name, pair = {
        "link": ("plain.mkv", (jail / "plain.mkv", jail / "link.mkv")),
        "folder": ("sub/s.mkv", (jail / "sub", jail / "away")),
    }[what]
    seen: dict[bytes, int] = {}
    opened = reader(roots)

    def act() -> None:
        try:
            content = opened(name)
        except InputError:
            content = b"refused"
        seen[content] = seen.get(content, 0) + 1

    race(exchange(*pair), act, 1000)
    assert set(seen) == {b"video", b"refused"}, seen
    note("R45", 1000, hits=seen[b"refused"])


def test_a_swap_during_the_call_withholds_the_result(jail: Path) -> None:
    files = CallFiles(Roots([str(jail)], str(jail.with_name("out"))), "job-1")
    files.read("sub/v.mkv")
    files.verify()
    exchange(jail / "sub", jail / "up")()
    with pytest.raises(Changed):
        files.verify()
    files.close()


@pytest.mark.parametrize("what", ["link", "folder"])
def test_a_swap_that_is_undone_before_the_end_is_noticed(
    jail: Path, what: str, rounds: Callable[[int, int], int]
) -> None:
    """Up to a thousand calls; in each the name leads to the secret for a while, and is read."""
    (jail / "away").symlink_to(jail.with_name("in-secret"))
    (jail / "sub" / "s.mkv").write_bytes(b"video")
    one, spare = {
        "link": (jail / "sub" / "s.mkv", jail / "link.mkv"), "folder": (jail / "sub", jail / "away")
    }[what]  # fmt: skip
    roots = Roots([str(jail)], str(jail.with_name("out")))
    swap = exchange(one, spare)
    noticed = 0
    wanted = rounds(60, 1000)
    for _ in range(wanted):
        files = CallFiles(roots, "job-1")
        path = files.read("sub/s.mkv")
        wait_for_tick()
        swap()
        assert path.read_bytes() == MARK
        swap()
        assert path.read_bytes() == b"video"
        try:
            files.verify()
        except Changed:
            noticed += 1
        files.close()
    assert noticed == wanted


def wait_for_tick() -> None:
    """Until the clock of the file system has moved on: a call is never shorter than that."""
    time.sleep(0.005)


def test_others_may_come_and_go_in_the_folder_of_a_file(jail: Path) -> None:
    files = CallFiles(Roots([str(jail)], str(jail.with_name("out"))), "job-1")
    files.read("sub/v.mkv")
    wait_for_tick()
    (jail / "sub" / "other.mkv").write_bytes(b"video")
    (jail / "sub" / "other.mkv").unlink()
    files.verify()
    (jail / "sub" / "v.mkv").write_bytes(b"other video")
    with pytest.raises(Changed):
        files.verify()
    files.close()


def test_the_server_gives_nothing_of_a_file_that_is_swapped_in_meanwhile(
    served: Live, place: Place, rounds: Callable[[int, int], int]
) -> None:
    """A name that leads to the good video and to the secret by turns, while calls run."""
    one, spare = place.media / "turn.mkv", place.media / "turn-away"
    shutil.copy(place.media / "good.mkv", one)
    spare.symlink_to(place.secret)
    answers: list[Any] = []

    def act() -> None:
        answers.append(served.call("probe", source="turn.mkv").structured_content)

    race(exchange(one, spare), act, rounds(5, 100))
    for answer in answers:
        if "failure" in answer:
            assert answer["failure"]["error"] in ("refused", "unreadable", "changed"), answer
        else:
            assert answer["result"]["frame_count"] == 20, answer


def test_what_is_written_stays_in_a_folder_that_was_a_link_at_the_start(
    place: Place, tmp_path: Path
) -> None:
    """The output root is resolved once: where its name leads later does not matter."""
    real, other, name = tmp_path / "real", tmp_path / "other", tmp_path / "out"
    real.mkdir()
    other.mkdir()
    name.symlink_to(real)
    with live(place.media, name) as connected:
        name.unlink()
        name.symlink_to(other)
        answer = record_of(connected.call("score", **PAIR, report="page.html"))
    assert Path(answer["files"][0]).parent.parent == real
    assert list(other.iterdir()) == []


BAD_NAMES = (
    "../x.mkv", "/tmp/x.mkv", "a/b.mkv", "", ".", "..", ".hidden", "-y.mkv", "x\0.mkv", "x\n.mkv",
    "file:x.mkv", "concat:a|b", "~x.mkv", "x.mkv ", "%d.mkv", "a" * 121,
)  # fmt: skip


def test_only_bare_names_are_written_each_once(jail: Path) -> None:
    out = jail.with_name("out")
    files = CallFiles(Roots([str(jail)], str(out)), "job-1")
    for name in BAD_NAMES:
        with pytest.raises(InputError):
            files.write(name)
    assert files.write("x.mkv") == out / "job-1" / "x.mkv"
    with pytest.raises(InputError):
        files.write("x.mkv")
    files.begin()
    assert [path.name for path in out.iterdir()] == ["job-1"]
    files.close()
    assert list(out.iterdir()) == []


def test_a_folder_that_was_put_there_before_is_not_used(jail: Path) -> None:
    out = jail.with_name("out")
    (out / "job-1").symlink_to(jail.with_name("in-secret"))
    files = CallFiles(Roots([str(jail)], str(out)), "job-1")
    files.write("x.mkv")
    with pytest.raises(OutputError):
        files.begin()
    files.close()
    assert [path.name for path in jail.with_name("in-secret").iterdir()] == ["s.mkv"]


def test_a_folder_swapped_during_the_call_is_noticed(jail: Path) -> None:
    out = jail.with_name("out")
    files = CallFiles(Roots([str(jail)], str(out)), "job-1")
    files.write("x.mkv")
    files.begin()
    (out / "job-1").rename(out / "gone")
    (out / "job-1").symlink_to(jail.with_name("in-secret"))
    with pytest.raises(Changed):
        files.verify()
    files.close()


PAIR = {"reference": "good.mkv", "distorted": "poor.mkv"}
READS = [
    ("score", {**PAIR}, "reference"),
    ("score", {**PAIR}, "distorted"),
    ("score", {**PAIR}, "tiny_model"),
    ("score", {**PAIR}, "models"),
    ("worst_frames", {**PAIR}, "models"),
    ("worst_frames", {**PAIR}, "reference"),
    ("worst_frames", {**PAIR}, "distorted"),
    ("probe", {}, "source"),
    ("plan", {"verb": "recommend"}, "source"),
    ("plan", {"verb": "recommend"}, "from_corpus"),
    ("plan", {"verb": "compare"}, "sources"),
    ("recommend", {"target": ["90"]}, "source"),
    ("recommend", {"target": ["90"]}, "from_corpus"),
    ("auto", {"target": ["90"]}, "source"),
    ("ladder", {}, "source"),
    ("tune_per_shot", {}, "source"),
    ("query_corpus", {}, "corpus"),
    ("eval_model_on_split", {"model": "vmaf_tiny_v2"}, "features"),
    ("compare_models", {"models": ["vmaf_tiny_v2"]}, "features"),
    ("eval_model_on_split", {"features": "good.mkv"}, "model"),
    ("compare_models", {"features": "good.mkv"}, "models"),
    ("compare", {}, "sources"),
    ("describe_model", {}, "model"),
]
WRITES = [
    ("score", {**PAIR}, "report"),
    ("recommend", {"source": "good.mkv", "target": ["90"]}, "output"),
    ("recommend", {"source": "good.mkv", "target": ["90"]}, "report"),
    ("ladder", {"source": "good.mkv"}, "report"),
    ("tune_per_shot", {"source": "good.mkv"}, "output"),
    ("compare", {"sources": ["good.mkv"]}, "output"),
    ("compare", {"sources": ["good.mkv"]}, "report"),
    ("extract_features", {"pairs": [PAIR]}, "output"),
    ("plan", {"verb": "tune_per_shot", "source": "good.mkv"}, "output"),
    ("plan", {"verb": "ladder", "source": "good.mkv"}, "report"),
]


@pytest.fixture(scope="module")
def secret_models(place: Place) -> Place:
    """Models that work, beside the secret file; links lead to them from the media."""
    folder = place.secret.parent
    tiny = next(each for each in shipped_folder().rglob("vmaf_tiny_v2.onnx"))
    for ending in (".onnx", ".json"):
        shutil.copy(tiny.with_suffix(ending), folder / f"tiny{ending}")
    (folder / "vmaf.json").write_bytes(model_json("vmaf_v0.6.1", find_ffmpeg()))
    for name in ("tiny.onnx", "vmaf.json"):
        (place.media / f"link{Path(name).suffix}").symlink_to(folder / name)
    return place


def outer_names(place: Place, tool: str, argument: str) -> list[str]:
    """All forms of a name outside, of a model where the argument is one."""
    secret, ending = place.secret, ".mkv"
    if "model" in argument:
        is_vmaf = argument == "models" and tool in ("score", "worst_frames")
        secret = secret.with_name("vmaf.json" if is_vmaf else "tiny.onnx")
        ending = secret.suffix
    names = forms(secret, place.media)
    names |= {"link": f"link{ending}", "linked folder": f"linked/{secret.name}",
              "link to a link": f"linked/../link{ending}"}  # fmt: skip
    return list(names.values())


def test_every_tool_refuses_every_form(served: Live, secret_models: Place) -> None:
    asked = 0
    for tool, rest, argument in READS:
        for name in outer_names(secret_models, tool, argument):
            word = [name] if argument in ("models", "sources") else name
            failure = served.failure(tool, **{**rest, argument: word})
            assert failure["error"] in ("refused", "unreadable"), (tool, name, failure)
            if name.startswith("link"):
                assert "outside the roots" in failure["message"], (tool, name, failure)
            asked += 1
    for name in outer_names(secret_models, "extract_features", "pairs"):
        pair = {"reference": name, "distorted": "poor.mkv"}
        failure = served.failure("extract_features", pairs=[pair])
        assert failure["error"] in ("refused", "unreadable"), (name, failure)
    assert asked == 16 * len(READS)


def test_the_models_that_are_refused_outside_work_inside(
    served: Live, secret_models: Place
) -> None:
    folder, inside = secret_models.secret.parent, secret_models.media
    for name in ("tiny.onnx", "tiny.json", "vmaf.json"):
        shutil.copy(folder / name, inside)
    assert served.result("describe_model", model="tiny.onnx")
    found = served.result("score", **PAIR, models=["vmaf.json"], tiny_model="tiny.onnx")
    assert found["model"] == "vmaf" and found["tiny_models"]


def test_every_tool_refuses_to_write_elsewhere(served: Live, place: Place) -> None:
    before = sorted(place.out.parent.rglob("*"))
    for tool, rest, argument in WRITES:
        ways = [each for each in forms(place.secret, place.media).values() if "/" in each]
        assert len(ways) == 14
        for name in filter(None, (*BAD_NAMES, *ways)):
            failure = served.failure(tool, **{**rest, argument: name})
            assert failure["error"] in ("refused", "usage"), (tool, name, failure)
    assert sorted(place.out.parent.rglob("*")) == before


NAMED = ("output", "report", "source", "sources", "reference", "distorted", "model", "models",
         "tiny_model", "corpus", "from_corpus", "features", "pairs")  # fmt: skip


def test_every_tool_with_a_file_argument_is_tried_above(served: Live) -> None:
    tried = {(tool, argument) for tool, _, argument in READS + WRITES}
    tried |= {("extract_features", "pairs")}
    for tool in served.ask(served.client.list_tools).tools:
        for name in tool.input_schema["properties"]:
            if name in NAMED:
                # There these words are ids alone, held to a pattern.
                ids = (tool.name in ("score", "worst_frames") and name == "features") or (
                    name == "model" and "pattern" in str(tool.input_schema["properties"][name])
                )
                assert (tool.name, name) in tried or ids, (tool.name, name)
