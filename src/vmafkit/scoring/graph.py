"""The filter graph that scores a pair: fixed names and our own words only.

Frames are aligned by index: both sides get the timestamps 0, 1, 2, ... in one time
base, so different time bases, start offsets and variable frame rates cannot shift them.

Both sides carry the same colour labels: ffmpeg converts one side's samples when the
labels of two inputs differ, even where one of them says nothing, which cost 37 dB of
PSNR between two files of equal samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vmafkit.scoring.features import Feature
from vmafkit.scoring.score import ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel

LOG_NAME = "vmaf.json"
NO_MODEL_NAME = "none.json"
NO_MODEL_COLUMN = "none"
# The filter always computes a model; this one, of our own making, costs next to nothing.
NO_MODEL = """{
  "param_dict": {"C": 1.0, "nu": 0.5, "gamma": 0.05, "norm_type": "clip_0to1"},
  "model_dict": {
    "model": "svm_type nu_svr\\nkernel_type rbf\\ngamma 0.05\\nnr_class 2\\ntotal_sv 1\\nrho 0\\nSV\\n1 1:0 \\n",
    "model_type": "LIBSVMNUSVR", "norm_type": "linear_rescale", "slopes": [1.0, 0.05],
    "intercepts": [0.0, 0.0], "feature_names": ["VMAF_integer_feature_motion2_score"],
    "feature_dict": {"VMAF_feature": ["motion2"]}, "score_clip": [0.0, 100.0]
  }
}
"""  # noqa: E501


def side(
    label: str,
    out: str,
    pix_fmt: str,
    *,
    frames: tuple[int, int] | None = None,
    scale_to: tuple[int, int] | None = None,
    full_range: bool = False,
    is_rgb: bool = False,
) -> str:
    """One input's chain: the wanted frames, at the wanted size, numbered from 0.

    Args:
        label: the input pad, such as `0:v:0`.
        out: the name of the output pad.
        pix_fmt: the planar YUV format the pair is compared in.
        frames: first frame and number of frames; None for all.
        scale_to: (width, height) to scale to with bicubic interpolation.
        full_range: the pair's samples span the full range.
        is_rgb: the input's samples are RGB.
    """
    span = "pc" if full_range else "tv"
    labels = f"setparams=range={span}:colorspace=bt709"
    chain: list[str] = []
    if frames is not None:
        first, count = frames
        chain.append(f"trim=start_frame={first}:end_frame={first + count}")
    chain.append(f"scale=out_range={span}" if is_rgb else labels)
    if scale_to is not None:
        chain.append(f"scale={scale_to[0]}:{scale_to[1]}:flags=bicubic")
    chain.append(f"format={pix_fmt}")
    if is_rgb:
        chain.append(labels)
    chain += ["settb=1/25", "setpts=N"]
    return f"[{label}]{','.join(chain)}[{out}]"


def model_options(model: VmafModel, request: ScoreRequest) -> list[str]:
    """The `key=value` words of a model beside its source and name."""
    words: list[str] = []
    if model.phone:
        words.append("enable_transform=true")
    if not model.clip:
        words.append("disable_clip=true")
    geometry = request.encode_geometry
    if model.ten_bit and geometry is not None:
        words += [
            f"cambi.enc_width={geometry.width}",
            f"cambi.enc_height={geometry.height}",
            f"cambi.enc_bitdepth={geometry.bit_depth}",
        ]
    return [*words, *(f"{key}={value}" for key, value in model.options)]


def member_name(index: int, member: int) -> str:
    """The file of one member of the ensemble that is model `index` of a request."""
    return f"member{index}_{member}.json"


def model_words(
    models: Sequence[VmafModel], request: ScoreRequest, members: Mapping[int, int]
) -> tuple[str, list[str]]:
    """The `model=` value, and the column name each model gets in the log.

    Args:
        members: how many members each ensemble has, by its place among the models.
    """
    entries: list[str] = []
    names: list[str] = []
    for index, model in enumerate(models):
        if model.ensemble:
            # Transform and clipping come after the statistics, so the members go without.
            options = model_options(replace(model, phone=False, clip=False), request)
            for position in range(members.get(index, 0)):
                file = f"path={member_name(index, position)}"
                entries.append("\\:".join([file, f"name=e{index}_{position}", *options]))
            names.append(f"e{index}_")
            continue
        options = model_options(model, request)
        source = f"path=model{index}.json" if model.path else f"version={model.version}"
        entries.append("\\:".join([source, f"name=m{index}", *options]))
        names.append(f"m{index}")
    return "|".join(entries), names


def feature_word(feature: Feature) -> str:
    """One entry of the `feature=` value."""
    return "\\:".join(
        (f"name={feature.name}", *(f"{key}={value}" for key, value in feature.options))
    )


def libvmaf_filter(request: ScoreRequest, members: Mapping[int, int], threads: int) -> str:
    """The libvmaf filter with its options."""
    words = [f"log_fmt=json:log_path={LOG_NAME}:n_threads={threads}"]
    if request.subsample > 1:
        words.append(f"n_subsample={request.subsample}")
    value = f"path={NO_MODEL_NAME}\\:name={NO_MODEL_COLUMN}"
    if request.models:
        value, _ = model_words(request.models, request, members)
    words.append(f"model='{value}'")
    if request.features:
        words.append(f"feature='{'|'.join(map(feature_word, request.features))}'")
    return "libvmaf=" + ":".join(words)
