"""The filter graph that scores a pair: fixed names and our own words only.

Frames are aligned by index: both sides get the timestamps 0, 1, 2, ... in one time
base, so different time bases, start offsets and variable frame rates cannot shift them.
"""

from __future__ import annotations

from collections.abc import Sequence

from vmafkit.scoring.score import ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel

LOG_NAME = "vmaf.json"


def side(
    label: str,
    out: str,
    pix_fmt: str,
    *,
    frames: tuple[int, int] | None = None,
    scale_to: tuple[int, int] | None = None,
) -> str:
    """One input's chain: the wanted frames, at the wanted size, numbered from 0.

    Args:
        label: the input pad, such as `0:v:0`.
        out: the name of the output pad.
        frames: first frame and number of frames; None for all.
        scale_to: (width, height) to scale to with bicubic interpolation.
    """
    chain: list[str] = []
    if frames is not None:
        first, count = frames
        chain.append(f"trim=start_frame={first}:end_frame={first + count}")
    if scale_to is not None:
        chain.append(f"scale={scale_to[0]}:{scale_to[1]}:flags=bicubic")
    chain += [f"format={pix_fmt}", "settb=1/25", "setpts=N"]
    return f"[{label}]{','.join(chain)}[{out}]"


def model_words(
    models: Sequence[VmafModel], request: ScoreRequest, members: Sequence[str]
) -> tuple[str, list[str]]:
    """The `model=` value, and the column name each model gets in the log."""
    entries: list[str] = []
    names: list[str] = []
    for index, model in enumerate(models):
        if model.ensemble:
            for position, file in enumerate(members):
                entries.append(f"path={file}\\:name=e{index}_{position}\\:disable_clip=true")
            names.append(f"e{index}_")
            continue
        source = f"path=model{index}.json" if model.path else f"version={model.version}"
        options = [source, f"name=m{index}"]
        if model.phone:
            options.append("enable_transform=true")
        if not model.clip:
            options.append("disable_clip=true")
        geometry = request.encode_geometry
        if model.ten_bit and geometry is not None:
            options += [
                f"cambi.enc_width={geometry.width}",
                f"cambi.enc_height={geometry.height}",
                f"cambi.enc_bitdepth={geometry.bit_depth}",
            ]
        entries.append("\\:".join(options))
        names.append(f"m{index}")
    return "|".join(entries), names


def libvmaf_filter(request: ScoreRequest, members: Sequence[str], threads: int) -> str:
    """The libvmaf filter with its options."""
    words = [f"log_fmt=json:log_path={LOG_NAME}:n_threads={threads}"]
    if request.subsample > 1:
        words.append(f"n_subsample={request.subsample}")
    if request.models:
        value, _ = model_words(request.models, request, members)
        words.append(f"model='{value}'")
    if request.features:
        words.append("feature='" + "|".join(f"name={f.name}" for f in request.features) + "'")
    return "libvmaf=" + ":".join(words)
