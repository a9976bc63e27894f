"""What a sweep takes: whole encodes, each cell once, from a source that stays as it was."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from tests.faketools.fake import FakeFfmpeg, real_ffmpeg
from tests.faketools.zygote import Zygote
from tests.r_record import note
from tests.sweep_kit import Rounds, sweep

from vmafkit import api, errors, fsio
from vmafkit.execute import encode
from vmafkit.execute.events import Event
from vmafkit.store.corpus_file import CorpusFile, read_corpus
from vmafkit.store.trials import TrialStore

# -- R10: what is not whole is not taken -----------------------------------------------------------

CONTAINERS = {
    "mkv": ("libx264", "-preset", "ultrafast"),
    "mp4": ("libx264", "-preset", "ultrafast"),
    "webm": ("libvpx-vp9", "-cpu-used", "8", "-b:v", "50k"),
    "ivf": ("libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"),
    "y4m": ("rawvideo", "-pix_fmt", "yuv420p"),
}


def cuts_taken(folder: Path, container: str) -> tuple[int, int]:
    """(cuts that were taken for whole, cuts made) of one file."""
    whole = folder / f"whole.{container}"
    picture = "testsrc2=s=128x96:r=25,trim=end_frame=20"
    form = ("-f", "yuv4mpegpipe") if container == "y4m" else ("-c:v",)
    codec = CONTAINERS[container][1:] if container == "y4m" else CONTAINERS[container]
    real_ffmpeg("-f", "lavfi", "-i", picture, *form, *codec, whole)
    assert encode.accept_encode(whole, 20).frame_count == 20
    data = whole.read_bytes()
    dice = random.Random(container)
    places = [0, 1, len(data) - 1, len(data) - 2, len(data) - 8]
    places += [dice.randrange(2, len(data)) for _ in range(15)]
    taken = 0
    for place in places:
        cut = folder / f"cut.{container}"
        cut.write_bytes(data[:place])
        try:
            encode.accept_encode(cut, 20)
            taken += 1
        except errors.ResultInvalid:
            pass
    return taken, len(places)


@pytest.mark.parametrize("container", CONTAINERS)
def test_r10_a_cut_encode_is_refused(tmp_path: Path, container: str) -> None:
    assert cuts_taken(tmp_path, container) == (0, 20)
    note("R10", 20)


def test_r10_a_cut_encode_becomes_an_error_row_and_is_not_remembered(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    fake.hook('[ $kind = encode ] && head -c 900 "$here/clips/$crf.mkv" > "$output" && exit 0')
    result = sweep(fake, tmp_path / "c.jsonl", "20:24")
    assert result.failed == 5
    codes = {row.error_code for row in read_corpus(tmp_path / "c.jsonl")}
    assert codes <= {"truncated", "frame-count"}
    with TrialStore(new_cache) as store:
        assert store.find() == []


def test_r51_trusting_the_exit_code_takes_cut_encodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = encode.open_source

    def trusting(path: Path) -> Any:
        try:
            return real(path)
        except errors.InputError:
            return real(path.with_stem("whole"))

    monkeypatch.setattr(encode, "open_source", trusting)
    taken, _ = cuts_taken(tmp_path, "mkv")
    assert taken > 0


# -- R13: two for one cell -------------------------------------------------------------------------


@pytest.mark.slow
def test_r13_two_sweeps_share_their_cells(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    # A slow encode lets the second one come upon the claim of the first; one that is to be killed
    # does not end by itself.
    slow, endless = "sleep 0.25", '[ -e "$here/go" ] || sleep 60'
    go = fake.folder / "go"
    many, takeovers, slowest_s = rounds(6, 100), 0, 0.0
    cache = str(tmp_path / "cache")
    for number in range(many):
        output, crf = tmp_path / f"{number}.jsonl", f"{number % 52}"
        source = tmp_path / f"{number}.y4m"
        fake.hook(f"[ $kind = encode ] && {{ {endless if number % 2 else slow}; }}")
        go.unlink(missing_ok=True)
        # Other bytes make another cell.
        source.write_bytes(fake.source.read_bytes()[:-1] + bytes([number]))
        fake.forget()
        line = ["corpus", source, "--ffmpeg-bin", fake.program, "--crf", crf, "--json"]
        pair = [
            zygote.start([*line, "-o", output], tmp_path / f"{n}{number}", VMAFKIT_CACHE=cache)
            for n in "ab"
        ]
        if number % 2:
            until = time.monotonic() + 20
            while not fake.starts():
                assert time.monotonic() < until
                time.sleep(0.005)
            with sqlite3.connect(Path(cache) / "trials.sqlite") as link:
                (owner,) = link.execute("SELECT pid FROM claims").fetchone()
            link.close()
            killed = next(each for each in pair if each.pid == owner)
            other = next(each for each in pair if each.pid != owner)
            assert other.wait_for("trial-started")
            go.touch()
            killed.kill(signal.SIGKILL)
            began = time.monotonic()
            killed.wait()
            while len(fake.starts()) < 2:
                assert time.monotonic() < began + 10
                time.sleep(0.005)
            slowest_s = max(slowest_s, time.monotonic() - began)
            takeovers += 1
            assert other.wait() == 0, other.stderr()
        else:
            assert [each.wait() for each in pair] == [0, 0]
            assert len(fake.starts()) == 1
        assert len(read_corpus(output)) == 1
    print(f"R13: {many} pairs, {takeovers} takeovers, slowest {slowest_s:.2f} s")
    assert takeovers == many // 2
    assert slowest_s <= 2.0
    note("R13", many, hits=takeovers, worst_s=slowest_s)


def two_writers(path: Path) -> int:
    """How many rows two files opened on one path write for one cell."""
    from tests.faults.test_store_faults import row

    writers = [CorpusFile(path), CorpusFile(path)]
    for writer in writers:
        writer.append(row("k"))
    return len(read_corpus(path))


def test_two_sweeps_write_one_row_for_a_cell(tmp_path: Path) -> None:
    assert two_writers(tmp_path / "c.jsonl") == 1


def test_r51_without_the_look_under_the_lock_rows_are_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CorpusFile, "_has", lambda *_: False)
    assert two_writers(tmp_path / "c.jsonl") == 2


# -- R14: the source changes -----------------------------------------------------------------------


@pytest.mark.parametrize("change", ["grown", "replaced", "touched-up", "removed"])
@pytest.mark.parametrize("stage", ["encode", "score"])
def test_r14_a_source_that_changes_leaves_no_row(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, stage: str, change: str
) -> None:
    act = {
        "grown": 'echo x >> "$here/source.y4m"',
        "replaced": 'cp "$here/source.y4m" "$here/n"; mv "$here/n" "$here/source.y4m"',
        "touched-up": 'printf x | dd of="$here/source.y4m" bs=1 seek=500 conv=notrunc 2>/dev/null',
        "removed": 'rm -f "$here/source.y4m"',
    }[change]
    plain = fake.source.read_bytes()
    hits = 0
    for number in range(3):
        fake.source.unlink(missing_ok=True)
        fake.source.write_bytes(plain)
        fake.hook(f"[ $kind = {stage} ] && {{ {act}; }}")
        seen: list[Event] = []
        result = sweep(fake, tmp_path / "c.jsonl", f"2{number}:29", on_event=seen.append, workers=1)
        assert result.failed == result.cells > 1
        codes = [event.payload["error"] for event in seen if event.type == "trial-finished"]
        assert set(codes) == {"changed"}
        hits += len(codes)
        # The first cell is enough to know it.
        assert len(fake.starts()) == number + 1
    with TrialStore(new_cache) as store:
        assert store.find() == []
    assert not (tmp_path / "c.jsonl").exists()
    assert hits >= 20
    note("R14", hits)


# -- R15: an output that is the source -------------------------------------------------------------

FORMS = ("same", "symlink", "hardlink", "dots", "relative", "parent-link", "source-link", "child")


def other_name(source: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """(source, output): one file under two names."""
    folder = source.parent
    if form == "symlink":
        (folder / "link").symlink_to(source)
        return source, folder / "link"
    if form == "hardlink":
        (folder / "hard").hardlink_to(source)
        return source, folder / "hard"
    if form == "dots":
        (folder / "sub").mkdir()
        return source, folder / "sub" / ".." / source.name
    if form == "relative":
        monkeypatch.chdir(folder)
        return source, Path(source.name)
    if form == "parent-link":
        folder.with_name("other").symlink_to(folder)
        return source, folder.with_name("other") / source.name
    if form == "source-link":
        (folder / "link").symlink_to(source)
        return folder / "link", source
    return source, source / "below.jsonl" if form == "child" else source


@pytest.mark.parametrize("form", FORMS)
def test_r15_the_corpus_is_never_the_source(
    fake: FakeFfmpeg, new_cache: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    source, output = other_name(fake.source, form, monkeypatch)
    before = fsio.sha256_file(fake.source)
    plan = api.plan_corpus([source], crf=["20"], ffmpeg_bin=fake.program)
    with pytest.raises(errors.UsageError, match="is the source"):
        api.corpus(plan, output)
    assert fsio.sha256_file(fake.source) == before
    assert fake.starts() == []


@pytest.mark.parametrize("form", ("same", "symlink", "hardlink", "parent-link"))
def test_r15_a_kept_encode_is_never_a_source(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, form: str
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    clip = folder / "source__libx264__medium__20.mkv"
    real_ffmpeg("-i", fake.source, "-c:v", "ffv1", clip)
    given, where = fake.source, folder
    if form in ("symlink", "hardlink"):
        moved = clip.rename(tmp_path / "film.mkv")
        (clip.symlink_to if form == "symlink" else clip.hardlink_to)(moved)
        clip = moved
    if form == "parent-link":
        where = tmp_path / "again"
        where.symlink_to(folder)
    before = fsio.sha256_file(clip)
    # The clip that would be overwritten is another source of the same sweep.
    plan = api.plan_corpus([given, clip], crf=["20"], ffmpeg_bin=fake.program)
    with pytest.raises(errors.UsageError, match="is the source"):
        api.corpus(plan, tmp_path / "c.jsonl", encode_dir=where)
    assert fsio.sha256_file(clip) == before


def test_r15_an_export_is_never_the_corpus(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path
) -> None:
    output = tmp_path / "c.jsonl"
    sweep(fake, output, "20")
    before = fsio.sha256_file(output)
    (tmp_path / "link.parquet").symlink_to(output)
    for name in ("c.jsonl", "link.parquet"):
        with pytest.raises(errors.UsageError):
            api.export(output, tmp_path / name)
    assert fsio.sha256_file(output) == before
