"""Packages encodes as HLS and DASH by ffmpeg, without touching a packet of their video.

Peak and average bandwidths are measured from the segments, codec words are read from the
parameter sets, and every variant is played back before anybody sees the folder.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from vmafkit import fsio
from vmafkit.errors import EncodeFailed, OutputError, ResultInvalid, StoreFull
from vmafkit.execute.played import check_playing, check_segments
from vmafkit.execute.sound import Track, tracks_of
from vmafkit.execute.streams import read_streams
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import input_words
from vmafkit.media.codec_string import AAC, codec_string
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.media.manifests import (
    Segments,
    Sound,
    Variant,
    completed_mpd,
    master_playlist,
    read_mpd,
    read_playlist,
)
from vmafkit.media.source import Source

Kind = Literal["hls", "dash"]
KINDS: tuple[Kind, ...] = ("hls", "dash")
MANIFESTS: dict[Kind, str] = {"hls": "hls/master.m3u8", "dash": "dash/manifest.mpd"}
_RANGES = {"hdr10": "PQ", "pq": "PQ", "hlg": "HLG", "dolby_vision": "PQ"}


@dataclass(frozen=True, slots=True)
class RungFile:
    """One rung's encode, of the whole source in closed groups of one length."""

    path: Path
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is packaged.

    Attributes:
        rungs: best first.
        source: all its sound goes along.
        codec: of the video, such as `hevc`.
        gop_frames: from one key frame to the next.
    """

    rungs: tuple[RungFile, ...]
    source: Source
    codec: str
    gop_frames: int

    @property
    def segment_s(self) -> float:
        """A little less than one group, so that rounding never joins two."""
        return (self.gop_frames - 0.5) / float(self.source.framerate)


@contextlib.contextmanager
def new_folder(output: Path) -> Generator[Path]:
    """A private folder that becomes `output` at the end, and nothing on a failure.

    Raises:
        OutputError: there is something of that name already, or it cannot be made.
    """
    check_folder(output)
    with fsio.scratch_folder(within=output.parent) as scratch:
        folder = scratch / "package"
        fsio.ensure_folder(folder)
        yield folder
        try:
            fsio.publish(folder, output)
        except OSError as error:
            raise fsio.write_error(error, output, user_output=True) from error


def check_folder(output: Path) -> None:
    """Refuse, before any work, a folder that could not be made.

    Raises:
        OutputError.
    """
    if not output.parent.is_dir():
        raise OutputError(
            f"cannot make {show(output)}: the folder above it does not exist", hint="make it first"
        )
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise OutputError(f"cannot make the folder {show(output)}: a file has its name")
    if output.is_dir() and any(output.iterdir()):
        raise OutputError(
            f"{show(output)} is not empty", hint="name a new folder as --output, or empty it"
        )


def make_packages(
    bench: Bench, parcel: Parcel, folder: Path, kinds: Sequence[Kind]
) -> dict[Kind, tuple[Variant, ...]]:
    """Write `hls/` and `dash/` into a folder, and play back every variant.

    Returns: what each kind says of its variants, in the order of the rungs.

    Raises:
        OutputError: the disk is full.
        EncodeFailed, ResultInvalid: ffmpeg failed, or what it made does not play.
    """
    sound = tracks_of(parcel.source)
    done: dict[Kind, tuple[Variant, ...]] = {}
    makers = {"hls": _hls, "dash": _dash}
    for kind in kinds:
        place = folder / kind
        fsio.ensure_folder(place)
        try:
            done[kind] = makers[kind](bench, parcel, place, sound)
        except StoreFull as error:
            raise OutputError(
                f"cannot write the {kind.upper()} package: the disk is full", hint="free some space"
            ) from error
    ensure_unchanged(parcel.source)
    return done


def _inputs(parcel: Parcel, sound: Sequence[Track]) -> tuple[str, ...]:
    start_s = read_streams(parcel.source, ".mkv").start_s if sound else 0.0
    words: tuple[str, ...] = ()
    for rung in parcel.rungs:
        words += ("-itsoffset", f"{start_s:.6f}") if start_s > 0 else ()
        words += input_words(rung.path)
    if sound:
        words += input_words(parcel.source.path)
    for number in range(len(parcel.rungs)):
        words += ("-map", f"{number}:v:0")
    words += ("-map", f"{len(parcel.rungs)}:a") if sound else ()
    words += ("-map_metadata", "-1", "-map_chapters", "-1", "-c:v", "copy")
    words += ("-tag:v", "hvc1") if parcel.codec == "hevc" else ()
    return words + tuple(word for track in sound for word in track.words)


def _hls(bench: Bench, parcel: Parcel, folder: Path, sound: Sequence[Track]) -> tuple[Variant, ...]:
    count = len(parcel.rungs)
    group = ",agroup:audio" if sound else ""
    streams = [f"v:{n}{group},name:v{n}" for n in range(count)]
    streams += [f"a:{n}{group},name:{track.name}" for n, track in enumerate(sound)]
    names = [f"v{n}" for n in range(count)] + [track.name for track in sound]
    for name in names:
        fsio.ensure_folder(folder / name)
    _run(bench, folder, (
        *_inputs(parcel, sound), "-f", "hls", "-hls_time", f"{parcel.segment_s:.6f}",
        "-hls_playlist_type", "vod", "-hls_list_size", "0", "-hls_segment_type", "fmp4",
        "-hls_flags", "independent_segments", "-hls_fmp4_init_filename", "init.mp4",
        "-hls_segment_filename", "%v/segment_%05d.m4s", "-var_stream_map", " ".join(streams),
        "%v/index.m3u8",
    ), "packaging as HLS")  # fmt: skip
    found = {
        name: read_playlist((folder / name / "index.m3u8").read_text("utf-8")) for name in names
    }
    variants = tuple(
        _variant(parcel, n, f"v{n}/index.m3u8", folder / f"v{n}", found[f"v{n}"])
        for n in range(count)
    )
    played = [
        Sound(f"{track.name}/index.m3u8", AAC, track.channels,
              *_rates(folder / track.name, found[track.name]), track.language, track.name)
        for track in sound
    ]  # fmt: skip
    master = folder / "master.m3u8"
    fsio.write_scratch(master, master_playlist(variants, played))
    check_segments(
        [(folder / f"v{n}", found[f"v{n}"]) for n in range(count)], parcel.source.frame_count
    )
    check_playing(bench, master, "hls", count, parcel.source.frame_count, sounds=len(sound))
    return variants


def _dash(
    bench: Bench, parcel: Parcel, folder: Path, sound: Sequence[Track]
) -> tuple[Variant, ...]:
    count = len(parcel.rungs)
    manifest = folder / "manifest.mpd"
    # Tracks of several languages are no alternatives of one quality, so each has its own set.
    sets = " ".join(
        ["id=0,streams=v", *(f"id={n + 1},streams={count + n}" for n in range(len(sound)))]
    )
    _run(bench, folder, (
        *_inputs(parcel, sound), "-f", "dash", "-seg_duration", f"{parcel.segment_s:.6f}",
        "-dash_segment_type", "mp4", "-use_template", "1", "-use_timeline", "1",
        "-adaptation_sets", sets, "-init_seg_name", "init-$RepresentationID$.m4s",
        "-media_seg_name", "segment-$RepresentationID$-$Number%05d$.m4s",
        manifest.name,
    ), "packaging as DASH")  # fmt: skip
    text = manifest.read_text("utf-8")
    found = read_mpd(text)
    if len(found) != count + len(sound):
        raise ResultInvalid(f"the DASH manifest has {len(found)} representations, not {count}")
    variants = tuple(_variant(parcel, n, str(n), folder, found[str(n)]) for n in range(count))
    codecs = {each.uri: each.codecs for each in variants}
    peaks = {each.uri: each.peak_bps for each in variants}
    for number in range(count, count + len(sound)):
        codecs[str(number)], peaks[str(number)] = AAC, _rates(folder, found[str(number)])[0]
    fsio.write_scratch(manifest, completed_mpd(text, codecs, peaks))
    check_segments([(folder, found[str(n)]) for n in range(count)], parcel.source.frame_count)
    check_playing(bench, manifest, "dash", count, parcel.source.frame_count, sounds=len(sound))
    return tuple(replace(each, uri=f"representation {each.uri}") for each in variants)


def _variant(parcel: Parcel, number: int, uri: str, folder: Path, segments: Segments) -> Variant:
    rung = parcel.rungs[number]
    peak, average = _rates(folder, segments)
    return Variant(
        uri=uri,
        width=rung.width,
        height=rung.height,
        framerate=Fraction(parcel.source.framerate),
        codecs=codec_string((folder / segments.init).read_bytes()),
        peak_bps=peak,
        average_bps=average,
        video_range=_RANGES.get(parcel.source.hdr.kind, "SDR"),
    )


def _rates(folder: Path, segments: Segments) -> tuple[int, int]:
    """Peak and average in bits per second, of whole segment files."""
    sizes = [(folder / name).stat().st_size * 8 for name in segments.names]
    lengths = segments.durations_s
    return math.ceil(peak_bps(sizes, lengths)), math.ceil(sum(sizes) / sum(lengths))


def peak_bps(sizes_bits: Sequence[float], lengths_s: Sequence[float]) -> float:
    """The largest bit rate of any run of segments that is about one target duration long.

    A run counts from half the target duration to one and a half of it, so that a short last
    segment does not stand for all. The target is the longest segment in whole seconds, as ffmpeg
    states it, but at least one. The mean where no run is long enough.

    Source: RFC 8216, section 4.3.4.2.
    """
    target_s = max(1, round(max(lengths_s)))
    peak = 0.0
    for first in range(len(lengths_s)):
        bits = length_s = 0.0
        for size, more_s in zip(sizes_bits[first:], lengths_s[first:], strict=True):
            bits, length_s = bits + size, length_s + more_s
            if length_s > 1.5 * target_s:
                break
            if length_s >= 0.5 * target_s:
                peak = max(peak, bits / length_s)
    return peak or sum(sizes_bits) / sum(lengths_s)


def _run(bench: Bench, folder: Path, words: tuple[str, ...], what: str) -> None:
    run_ffmpeg(
        bench.program, words, cwd=folder, job=Job(cancel=bench.cancel, limits=bench.limits),
        failure=EncodeFailed, what=what,
    )  # fmt: skip
