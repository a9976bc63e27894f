"""The loaders: layouts, names, pairing, roots, and paths that must not be followed."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from tests.r_record import note

from vmafkit.errors import Refused, Unreadable, UsageError, VmafkitError
from vmafkit.learn import datasets
from vmafkit.learn.confine import below, data_root, files_below
from vmafkit.learn.datasets.base import Dataset, Query

FRAME_180 = 320 * 180 * 3 // 2


def put(path: Path, size: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0" * size)
    return path


@pytest.fixture
def netflix(tmp_path: Path) -> Path:
    root = tmp_path / "netflix"
    put(root / "ref" / "Bunny_0_180_0.yuv", 3 * FRAME_180)
    put(root / "dis" / "Bunny_1_180_500.yuv", 3 * FRAME_180)
    put(root / "dis" / "Bunny_2_90_100.yuv", 3 * (160 * 90 * 3 // 2))
    put(root / "ref" / "Fox_25fps.yuv", 2 * 1920 * 1080 * 3 // 2)
    put(root / "dis" / "Fox_4_384_200.yuv", 2 * 1920 * 1080 * 3 // 2)
    put(root / "dis" / "Lost_1_180_500.yuv", FRAME_180)
    put(root / "dis" / "notes.yuv", FRAME_180)
    return root


def test_every_data_set_of_the_table_is_one() -> None:
    for name in datasets.TABLE:
        found = datasets.get(name)
        assert isinstance(found, Dataset)
        assert found.name == name
        assert found.licence
    with pytest.raises(UsageError, match="konvid"):
        datasets.get("konvid")


def test_nflx_local_pairs_by_the_first_name_part(netflix: Path) -> None:
    found = datasets.get("nflx-local").find(Query(root=netflix))
    assert [(pair.key, pair.source) for pair in found.pairs] == [
        ("Bunny_1_180_500.yuv", "Bunny"),
        ("Bunny_2_90_100.yuv", "Bunny"),
        ("Fox_4_384_200.yuv", "Fox"),
    ]
    small = found.pairs[1].distorted_raw
    assert small is not None and (small.width, small.height) == (160, 90)
    large = found.pairs[2].distorted_raw
    assert large is not None and (large.width, large.height) == (1920, 1080)
    assert large.framerate == Fraction(25)
    assert [text.split(":")[0] for text in found.skipped] == [
        "dis/notes.yuv",
        "dis/Lost_1_180_500.yuv",
    ]
    assert found.cache_folder == netflix / ".cache"
    assert found.cache_name == "nflx_features.parquet"


def test_nflx_local_refuses_a_size_that_cannot_be_told(netflix: Path) -> None:
    put(netflix / "dis" / "Bunny_3_180_200.yuv", FRAME_180 + 7)
    with pytest.raises(UsageError, match="Bunny_3_180_200"):
        datasets.get("nflx-local").find(Query(root=netflix))


def test_nflx_local_refuses_two_references(netflix: Path) -> None:
    put(netflix / "ref" / "Bunny_0_90_0.yuv", 3 * (160 * 90 * 3 // 2))
    with pytest.raises(Refused, match="two references"):
        datasets.get("nflx-local").find(Query(root=netflix))


def test_the_flag_wins_over_the_environment(netflix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMAF_DATA_ROOT", str(netflix))
    assert len(datasets.get("nflx-local").find(Query()).pairs) == 3
    with pytest.raises(Unreadable, match="other"):
        datasets.get("nflx-local").find(Query(root=netflix / "other"))
    monkeypatch.delenv("VMAF_DATA_ROOT")
    with pytest.raises(UsageError, match="VMAF_DATA_ROOT"):
        try:
            datasets.get("nflx-local").find(Query())
        except UsageError as error:
            raise UsageError(error.sentence()) from None


def test_konvid_root_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    konvid = datasets.get("konvid-1k")
    names = ("flag", "own", "common/konvid-1k", "home/datasets/konvid-1k")
    for name in names:
        put(tmp_path / name / "KoNViD_1k_videos" / f"{Path(name).parts[0]}.mp4")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VMAF_KONVID_1K_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("VMAF_DATA_ROOT", str(tmp_path / "common"))

    def chosen(query: Query) -> str:
        (clip,) = konvid.find(query).clips
        return clip.source

    assert chosen(Query(own_root=tmp_path / "flag")) == "flag"
    assert chosen(Query()) == "own"
    monkeypatch.delenv("VMAF_KONVID_1K_DIR")
    assert chosen(Query()) == "common"
    monkeypatch.delenv("VMAF_DATA_ROOT")
    assert chosen(Query()) == "home"


def test_bvi_dvc_knows_the_four_sizes_of_a_scene_as_one_source(tmp_path: Path) -> None:
    put(tmp_path / "ABoat_3840x2176_60fps_10bit_420.yuv")
    put(tmp_path / "DBoat_480x272_60fps_10bit_420.yuv")
    put(tmp_path / "readme.mp4")
    found = datasets.get("bvi-dvc").find(Query(root=tmp_path))
    assert [clip.source for clip in found.clips] == ["Boat", "Boat"]
    raw = found.clips[1].raw
    assert raw is not None
    assert (raw.width, raw.height, raw.pix_fmt) == (480, 272, "yuv420p10le")
    assert len(found.skipped) == 1


def test_youtube_ugc_from_names_and_from_a_manifest(tmp_path: Path) -> None:
    for kind in ("orig.mp4", "cbr.webm", "vod.webm"):
        put(tmp_path / f"Gaming_720P-25aa_{kind}")
    put(tmp_path / "Lonely_orig.mp4")
    ugc = datasets.get("youtube-ugc")
    found = ugc.find(Query(root=tmp_path))
    assert [pair.key for pair in found.pairs] == [
        "Gaming_720P-25aa_cbr.webm",
        "Gaming_720P-25aa_vod.webm",
    ]
    assert len(found.skipped) == 1
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"G": {"orig": "Gaming_720P-25aa_orig.mp4", "vodlb": "../x.webm"}}')
    with pytest.raises(Refused):
        ugc.find(Query(root=tmp_path))
    manifest.write_text("[1, 2")
    with pytest.raises(Unreadable):
        ugc.find(Query(root=tmp_path))


def test_generic_reads_csv_and_yaml(tmp_path: Path) -> None:
    put(tmp_path / "a.mkv")
    put(tmp_path / "b.yuv")
    table = tmp_path / "pairs.csv"
    table.write_text("reference,distorted,width,height\na.mkv,b.yuv,64,48\n")
    (pair,) = datasets.get("generic").find(Query(table=table)).pairs
    assert pair.reference_raw is None
    assert pair.distorted_raw is not None and pair.distorted_raw.width == 64
    other = tmp_path / "pairs.yaml"
    other.write_text("pairs:\n- {reference: a.mkv, distorted: b.yuv, width: 64, height: 48}\n")
    (again,) = datasets.get("generic").find(Query(table=other)).pairs
    assert again == pair


@pytest.mark.parametrize(
    "text",
    [
        "reference\na.mkv\n",
        "reference,distorted\na.mkv,b.yuv,c\n",
        "reference,distorted,colour\na.mkv,b.yuv,red\n",
        "reference,distorted,width,height\na.mkv,b.yuv,wide,48\n",
        "reference,distorted\na.mkv,a.mkv\na.mkv,a.mkv\n",
        "reference,distorted\na.mkv,../a.mkv\n",
        "reference,distorted\na.mkv,/etc/passwd\n",
    ],
)
def test_generic_refuses_what_is_no_list_of_pairs(tmp_path: Path, text: str) -> None:
    put(tmp_path / "a.mkv")
    put(tmp_path / "b.yuv")
    table = tmp_path / "pairs.csv"
    table.write_text(text)
    with pytest.raises(VmafkitError):
        datasets.get("generic").find(Query(table=table))


def test_views_of_clips(tmp_path: Path) -> None:
    put(tmp_path / "film.mkv")
    table = tmp_path / "views.yaml"
    table.write_text(
        "views:\n- {clip: film.mkv, name: one, start: 5, frames: 9, scale: 320x180}\n"
        "- {clip: film.mkv, name: two, crop: [64, 48, 2, 4], step: 3}\n"
    )
    one, two = datasets.get("clips").find(Query(root=tmp_path, table=table)).clips
    assert one.source == two.source == "film"
    assert one.view is not None and two.view is not None
    assert (one.view.scale, two.view.crop, two.view.step) == ((320, 180), (64, 48, 2, 4), 3)


def test_paths_that_lead_out_of_the_root_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "data"
    outside = put(tmp_path / "data-secret" / "x.yuv")
    put(root / "in.yuv")
    (root / "link.yuv").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "loop").symlink_to(root / "loop")
    (root / "chain.yuv").symlink_to(root / "link.yuv")
    os.mkfifo(root / "pipe.yuv")
    (root / "dir.yuv").mkdir()
    real = data_root(root)
    hostile = [
        "../data-secret/x.yuv", "a/../../data-secret/x.yuv", str(outside), "/etc/passwd",
        "link.yuv", "chain.yuv", "folder/x.yuv", "loop", "loop/x.yuv", "pipe.yuv", "dir.yuv",
        "", "in.yuv\0.txt", "missing.yuv",
    ]  # fmt: skip
    for name in hostile:
        with pytest.raises((Refused, Unreadable)):
            below(real, name)
    (root / "fine.yuv").symlink_to(root / "in.yuv")
    assert below(real, "in.yuv") == below(real, "fine.yuv") == real / "in.yuv"
    note("R42", len(hostile))


def test_another_disk_inside_the_root_is_refused() -> None:
    shared = Path("/dev/shm")
    assert shared.stat().st_dev != Path("/dev").stat().st_dev
    inside = put(shared / f"vmafkit-test-{os.getpid()}.yuv")
    try:
        with pytest.raises(Refused):
            below(Path("/dev"), f"shm/{inside.name}")
    finally:
        inside.unlink()


@pytest.mark.parametrize("kind", ["missing", "file", "loop"])
def test_a_root_that_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "root"
    if kind == "file":
        put(root)
    elif kind == "loop":
        root.symlink_to(root)
    with pytest.raises(Unreadable):
        data_root(root)


def test_a_linked_layout_folder_is_refused(tmp_path: Path, netflix: Path) -> None:
    other = tmp_path / "other"
    (other / "ref").mkdir(parents=True)
    (other / "dis").symlink_to(netflix / "dis")
    with pytest.raises(Refused):
        datasets.get("nflx-local").find(Query(root=other))
    (other / "ref" / "deep").symlink_to(netflix)
    with pytest.raises(Refused):
        files_below(data_root(other), "ref", (".yuv",))
