"""Small clips with all that a film can carry, for the tests of `recommend` and `auto`."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import imageio_ffmpeg

HDR10 = (
    "hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)
CHAPTERS = """;FFMETADATA1
title=A film
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=one
[CHAPTER]
TIMEBASE=1/1000
START=400
END=800
title=two
"""
SUBTITLES = "1\n00:00:00,100 --> 00:00:00,600\nHello\n"


def ffmpeg(*words: str | Path) -> str:
    """Run ffmpeg, or fail with the end of what it said; returns its log."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def moving(
    path: Path, *, frames: int = 20, size: str = "128x72", words: tuple[str, ...] = ()
) -> Path:
    """A short moving clip in near-lossless H.264."""
    source = f"testsrc2=s={size}:r=25"
    end = words or ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", source, "-frames:v", str(frames), *end, path)
    return path


def scenes(path: Path, *, seconds: int = 12) -> Path:
    """A clip of easy and hard parts, one after the other."""
    parts = ";".join(
        f"{kind}=s=96x64:r=25,trim=duration={seconds / 4},format=yuv420p,setsar=1[v{i}]"
        for i, kind in enumerate(("testsrc2", "smptebars", "mandelbrot", "rgbtestsrc"))
    )
    graph = f"{parts};[v0][v1][v2][v3]concat=n=4"
    ffmpeg(
        "-filter_complex", graph, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "8",
        "-g", "25", path,
    )  # fmt: skip
    return path


def film(path: Path) -> Path:
    """Video, two sound tracks, subtitles, chapters, tags, and in Matroska a font."""
    texts = path.with_suffix(".srt"), path.with_suffix(".txt")
    texts[0].write_text(SUBTITLES, "utf-8")
    texts[1].write_text(CHAPTERS, "utf-8")
    is_mp4 = path.suffix == ".mp4"
    font = path.with_suffix(".ttf")
    font.write_bytes(b"not really a font")
    attach = () if is_mp4 else ("-attach", font, "-metadata:s:t", "mimetype=font/ttf")
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=0.8",
        "-f", "lavfi", "-i", "sine=d=0.8", "-f", "lavfi", "-i", "sine=f=800:d=0.8",
        "-i", texts[0], "-i", texts[1],
        "-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s",
        "-map_metadata", "4", "-map_chapters", "4",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-pix_fmt", "yuv420p",
        "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
        "-c:a", "aac", "-c:s", "mov_text" if is_mp4 else "srt",
        "-metadata:s:a:0", "language=deu", "-metadata:s:v:0", "language=fra", *attach, path,
    )  # fmt: skip
    return path


def hdr10(path: Path) -> Path:
    """A short HDR10 clip with mastering and light facts."""
    words = ("-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "8")
    return moving(path, frames=8, words=(*words, "-x265-params", HDR10))


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
