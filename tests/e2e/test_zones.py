"""`zones` moves bits, or says that the encoder does not."""

from __future__ import annotations

from pathlib import Path

import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.errors import CapabilityMissing, UsageError
from vmafkit.execute.zones import frame_bits
from vmafkit.media.probe import open_source


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.film(tmp_path_factory.mktemp("clips") / "film.mkv")


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.moving(tmp_path_factory.mktemp("clips") / "busy.mkv", frames=48, size="192x128")


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_zones_move_the_bits_of_their_frames(film: Path, tmp_path: Path, encoder: str) -> None:
    words = tmp_path / "zones.txt"
    words.write_text("12-19:b=0.4 # the end\n")
    output = tmp_path / "out.mkv"
    found = api.zones(
        film, encoder=encoder, preset="veryfast", crf=28, zone=["0-5:q=45"], zones=words,
        output=output,
    )  # fmt: skip
    coarse, fewer = found.zones
    assert coarse.bits < coarse.bits_plain and fewer.bits < fewer.bits_plain
    made = open_source(output)
    assert made.video_bits == 8 * found.video_bytes and made.frame_count == 20
    assert found.output is not None and found.output.carried["audio"] == 2


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_a_region_gains_quality(film: Path, encoder: str) -> None:
    found = api.zones(film, encoder=encoder, preset="medium", crf=34, roi=["0,0,64,64,-0.5"])
    region = found.rois[0]
    assert region.inside_db > region.inside_plain_db and region.gain_db > 0.05
    assert found.video_bytes > found.video_bytes_plain


def test_an_encoder_that_ignores_regions_is_refused(film: Path) -> None:
    # Without adaptive quantization x264 has nothing to add the offsets to.
    with pytest.raises(CapabilityMissing, match="ignores regions"):
        api.zones(film, preset="ultrafast", roi=["0,0,64,64,-0.5"])


def test_a_zone_does_not_hide_that_regions_are_ignored(busy: Path) -> None:
    with pytest.raises(CapabilityMissing, match="ultrafast ignores regions"):
        api.zones(busy, preset="ultrafast", crf=30, zone=["0-20:q=20"], roi=["0,0,96,64,-0.5"])


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_zones_and_regions_are_measured_one_by_one(
    busy: Path, tmp_path: Path, encoder: str
) -> None:
    # The region adds more bits than the zone takes, so the sum of both says nothing of the zone.
    zone, roi, output = ["0-20:b=0.5"], ["0,0,96,64,-0.5"], tmp_path / "both.mkv"
    alone = api.zones(busy, encoder=encoder, preset="veryfast", crf=30, zone=zone)
    both = api.zones(
        busy, encoder=encoder, preset="veryfast", crf=30, zone=zone, roi=roi, output=output
    )
    assert both.zones == alone.zones and both.zones[0].change_percent < -1.0
    assert both.rois[0].gain_db > 0.05
    made = open_source(output)
    assert made.video_bits == 8 * both.video_bytes and made.frame_count == 48
    assert both.video_bytes > alone.video_bytes, "the output has the regions too"
    bits = frame_bits(output)
    assert sum(bits[:21]) > both.zones[0].bits_plain, "what a single comparison would see"
    command = " ".join(both.command)
    assert "addroi=" in command and "zones=0,20,b=0.5" in command


def test_wrong_words_are_refused(film: Path) -> None:
    with pytest.raises(UsageError, match="no zone and no region"):
        api.zones(film)
    with pytest.raises(UsageError, match="has no zones"):
        api.zones(film, encoder="svt-av1", zone=["0-5:q=45"])
    with pytest.raises(UsageError, match="not inside the frames"):
        api.zones(film, zone=["0-500:q=45"])
    with pytest.raises(UsageError, match="cannot be read"):
        api.zones(film, zones=film.with_name("gone.txt"))
    with pytest.raises(UsageError, match="not inside the picture"):
        api.zones(film, roi=["0,0,640,64,-0.5"])
