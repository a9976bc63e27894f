"""Pictures for the engine's tests, and libvmaf's word on them.

The truth is computed by the ffmpeg of the wheel, called here by hand; its log has six
decimals.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import pytest

from vmafkit.errors import ToolMissing
from vmafkit.scoring.engine.build import build
from vmafkit.scoring.engine.native import (
    LIBRARY_NAME,
    Library,
    detect_machine,
    find_library,
    load,
    source_hash,
)
from vmafkit.scoring.engine.tables import MACHINES

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())
Picture = npt.NDArray[Any]
Pictures = list[Picture]
FEATURE_BOUND = 2e-6
SCORE_BOUND = 1e-3


@pytest.fixture(scope="session")
def library(request: pytest.FixtureRequest) -> Library:
    """The engine of the wheel, or one built once for this processor and kept by pytest."""
    found = find_library()
    if found is None:
        folder = Path(request.config.cache.mkdir("vmafkit-engine")) / source_hash()
        folder.mkdir(exist_ok=True)
        found = folder / LIBRARY_NAME
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not found.is_file():
                try:
                    build(folder, machines=[detect_machine()])
                except ToolMissing as error:
                    pytest.skip(error.sentence())
    return load(found)


@pytest.fixture(scope="session", params=list(MACHINES))
def any_machine(request: pytest.FixtureRequest, library: Library) -> Library:
    """The engine with the kernels of each kind of processor that is in the object."""
    if request.param not in library.machines:
        pytest.skip(f"no {request.param} code in {library.path.name}")
    return replace(library, machine=request.param, lanes=MACHINES[request.param][1])


def moving(width: int, height: int, frames: int, depth: int = 8, seed: int = 0) -> Pictures:
    """A textured picture that drifts to the left."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0 : width + 4 * frames] / 16.0
    wide = 0.5 + 0.2 * np.sin(x + 0.3 * y * y / (1 + y)) + 0.1 * np.cos(2.3 * y - x)
    wide += rng.normal(scale=0.05, size=wide.shape)
    whole = samples(np.clip(wide, 0, 1), depth)
    return [np.ascontiguousarray(whole[:, 3 * i : 3 * i + width]) for i in range(frames)]


def samples(shares: npt.NDArray[np.float64], depth: int) -> Picture:
    """Shares of full scale, 0 to 1, as samples."""
    return np.rint(shares * ((1 << depth) - 1)).astype(np.uint8 if depth == 8 else np.uint16)


def blurred(picture: Picture) -> Picture:
    """Each sample averaged with its neighbours."""
    wide = np.pad(picture.astype(np.float64), 1, mode="edge")
    h, w = picture.shape
    total = sum(wide[i : i + h, j : j + w] for i in range(3) for j in range(3))
    return np.rint(np.asarray(total) / 9.0).astype(picture.dtype)


def pairs(
    width: int, height: int, frames: int, depth: int
) -> Iterator[tuple[str, Pictures, Pictures]]:
    """Names, references and distorted pictures from ordinary to extreme."""
    top = (1 << depth) - 1
    rng = np.random.default_rng(1)
    real = moving(width, height, frames, depth)
    kind = real[0].dtype
    black = [np.zeros_like(p) for p in real]
    noise = [rng.integers(0, top + 1, p.shape).astype(kind) for p in real]
    ramp = [np.broadcast_to(np.linspace(0, top, width).astype(kind), p.shape) for p in real]
    cells = np.indices((height, width)).sum(axis=0) // 8
    checks = [((cells + i) % 2 * top).astype(kind) for i in range(frames)]
    stretched = [np.clip((p - top / 2) * 1.4 + top / 2, 0, top).astype(kind) for p in real]
    yield "blur", real, [blurred(p) for p in real]
    yield "itself", real, real
    yield "contrast", real, stretched
    yield "inverted", real, [top - p for p in real]
    yield "black", black, black
    yield "noise on black", black, noise
    yield "noise itself", noise, noise
    yield "noise blurred", noise, [blurred(p) for p in noise]
    yield "ramp lost", ramp, black
    yield "checks blurred", checks, [blurred(blurred(p)) for p in checks]


def _with_grey_chroma(picture: Picture, depth: int) -> bytes:
    height, width = picture.shape
    count = ((height + 1) // 2) * ((width + 1) // 2) * 2
    chroma = np.full(count, 1 << (depth - 1), picture.dtype)
    return np.ascontiguousarray(picture).tobytes() + chroma.tobytes()


def truth(
    references: Sequence[Picture],
    distorted: Sequence[Picture],
    depth: int,
    models: Sequence[str] = ("version=vmaf_v0.6.1:name=vmaf",),
    files: Mapping[str, str] | None = None,
) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of libvmaf's log; `files` are put beside it, such as models."""
    height, width = references[0].shape
    pix_fmt = "yuv420p" if depth == 8 else f"yuv420p{depth}le"
    raw = ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", f"{width}x{height}", "-r", "25"]
    value = "|".join(model.replace(":", "\\:") for model in models)
    graph = f"[0:v][1:v]libvmaf=log_fmt=json:log_path=log.json:n_threads=2:model='{value}'"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (files or {}).items():
            (folder / file).write_text(text)
        for file, pictures in (("r", references), ("d", distorted)):
            (folder / file).write_bytes(b"".join(_with_grey_chroma(p, depth) for p in pictures))
        command = [
            str(FFMPEG), "-nostdin", "-v", "error", *raw, "-i", "d", *raw, "-i", "r",
            "-lavfi", graph, "-f", "null", "-",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        frames = json.loads((folder / "log.json").read_text())["frames"]
    names = frames[0]["metrics"]
    return {key: np.array([frame["metrics"][key] for frame in frames]) for key in names}
