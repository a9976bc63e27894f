"""CPU cost of VMAF by the engine and by libvmaf, on one pinned core, in one run.

    python benchmarks/engine.py VIDEO [--sizes 720 1080] [--frames 32] [--counts 1 2 4 8]

Every encode is one of x264 at another CRF. The engine is timed from the first push to the
end of `finish`, in this thread. libvmaf is timed as CPU seconds of a whole ffmpeg on raw
video, less those of the same command without the filter. It picks the best code for the
processor; for its AVX2 code a copy of the program runs whose test for AVX-512 never holds,
since the filter has no option for it. Engine and libvmaf are compared on the same kind of code.
Last comes how much faster two threads are than one, by the clock; that needs two idle cores.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from vmafkit.scoring.engine.engine import Engine
from vmafkit.scoring.engine.native import Library, load
from vmafkit.scoring.engine.tables import MACHINES

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
QUIET = [FFMPEG, "-nostdin", "-v", "error", "-y"]
ONE = ["-threads", "1", "-filter_threads", "1", "-filter_complex_threads", "1"]
CRFS = (20, 23, 26, 29, 32, 35, 38, 41)
WIDTHS = {720: 1280, 1080: 1920, 2160: 3840}
# not eax; test eax, mask; cmove ecx, r8d; test eax, the next mask
_TEST_FOR_AVX512 = re.compile(
    rb"\xf7\xd0\xa9(\x00\x00\x03\xd0)\x41\x0f\x44\xc8\xa9(\x00\x00\x23\xd0)", re.DOTALL
)
Pictures = npt.NDArray[Any]


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_s(argv: list[str], cwd: Path) -> float:
    before = cpu_of_children()
    subprocess.run(argv, check=True, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True)
    return cpu_of_children() - before


def make_clips(video: Path, height: int, frames: int, folder: Path) -> None:
    scale = f"scale={WIDTHS[height]}:{height}:flags=bicubic,format=yuv420p"
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
    cut = ["-stream_loop", "-1", "-i", str(video), "-an", "-vf", scale, "-frames:v", str(frames)]
    cpu_s([*QUIET, *cut, *raw, "ref.yuv"], folder)
    size = ["-s", f"{WIDTHS[height]}x{height}", "-r", "25"]
    for crf in CRFS:
        encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf)]
        cpu_s([*QUIET, *raw, *size, "-i", "ref.yuv", *encode, "made.mkv"], folder)
        cpu_s([*QUIET, "-i", "made.mkv", *raw, f"crf{crf}.yuv"], folder)


def lumas(path: Path, height: int) -> Pictures:
    width = WIDTHS[height]
    frames = np.fromfile(path, np.uint8).reshape(-1, width * height * 3 // 2)
    return frames[:, : width * height].reshape(-1, height, width)


def engine_ms(library: Library, reference: Pictures, encodes: list[Pictures]) -> float:
    """CPU ms for each distorted picture."""
    height, width = reference.shape[1:]
    with Engine(width, height, distorted=len(encodes), library=library) as engine:
        started = time.thread_time()
        for number, picture in enumerate(reference):
            engine.push(picture, [encode[number] for encode in encodes])
        engine.finish()
        spent = time.thread_time() - started
    return spent * 1000 / len(reference) / len(encodes)


def two_threads(library: Library, reference: Pictures, encode: Pictures) -> float:
    """How much faster two threads are than one, by the clock, once memory has been touched."""
    took: list[float] = []
    height, width = reference.shape[1:]
    pairs = list(zip(reference, encode, strict=True))
    for threads in (1, 2):
        with Engine(width, height, threads=threads, library=library) as engine:
            for picture, other in pairs[:8]:
                engine.push(picture, [other])
            started = time.monotonic()
            for picture, other in pairs * 4:
                engine.push(picture, [other])
            engine.finish()
            took.append(time.monotonic() - started)
    return took[0] / took[1]


def on(library: Library, machine: str) -> Library:
    """The engine with the kernels of another kind of processor."""
    return replace(library, machine=machine, lanes=MACHINES[machine][1])


def without_avx512(folder: Path) -> str | None:
    """A copy of ffmpeg whose libvmaf finds no AVX-512; None where the test is not found.

    libvmaf compares the bits of CPUID with two masks. With all bits set these never agree.
    """
    program = bytearray(Path(FFMPEG).read_bytes())
    found = list(_TEST_FOR_AVX512.finditer(program))
    if len(found) != 1:
        return None
    for group in (1, 2):
        program[slice(*found[0].span(group))] = b"\xff" * 4
    copy = folder / "ffmpeg-avx2"
    copy.write_bytes(program)
    copy.chmod(0o755)
    return str(copy)


def libvmaf_ms(program: str, height: int, frames: int, folder: Path) -> float:
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTHS[height]}x{height}", "-r", "25"]
    command = [program, *QUIET[1:], *ONE, *raw, "-i", "crf26.yuv", *raw, "-i", "ref.yuv"]
    out = ["-f", "null", "-"]
    full = cpu_s([*command, "-lavfi", "[0:v][1:v]libvmaf=n_threads=1", *out], folder)
    empty = cpu_s([*command, "-map", "0:v", *out, "-map", "1:v", *out], folder)
    return (full - empty) * 1000 / frames


def rounds(library: Library, height: int, options: argparse.Namespace, folder: Path) -> None:
    reference = lumas(folder / "ref.yuv", height)
    encodes = [lumas(folder / f"crf{crf}.yuv", height) for crf in CRFS]
    programs = {library.machines[-1]: FFMPEG}
    if library.machines[-1] == "avx512" and (plainer := without_avx512(folder)):
        programs["avx2"] = plainer
    ours: dict[tuple[str, int], list[float]] = {}
    theirs: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for machine, program in programs.items():
            spent = libvmaf_ms(program, height, len(reference), folder)
            theirs.setdefault(machine, []).append(spent)
            for count in options.counts:
                spent = engine_ms(on(library, machine), reference, encodes[:count])
                ours.setdefault((machine, count), []).append(spent)
    for machine, costs in theirs.items():
        base = statistics.median(costs)
        print(f"{height}p  {machine:7} libvmaf        {base:7.2f} ms a frame")
        for count in options.counts:
            cost = statistics.median(ours[machine, count])
            print(f"{height}p  {machine:7} engine 1 x {count}   {cost:7.2f} ms, {base / cost:.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[720, 1080], choices=WIDTHS)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", type=Path, help="the shared object; the usual one")
    options = parser.parse_args()
    library = load(options.engine)
    cores = sorted(os.sched_getaffinity(0))
    print(f"engine {library.path}, this processor runs {', '.join(library.machines)}")
    for height in options.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_clips(options.video.absolute(), height, options.frames, folder)
            os.sched_setaffinity(0, cores[-1:])
            rounds(library, height, options, folder)
            os.sched_setaffinity(0, cores)
            pair = lumas(folder / "ref.yuv", height), lumas(folder / "crf26.yuv", height)
            ratios = [two_threads(library, *pair) for _ in range(options.rounds)]
            print(f"{height}p  two threads            {statistics.median(ratios):7.2f}x one")


if __name__ == "__main__":
    main()
