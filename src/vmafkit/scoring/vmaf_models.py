"""The VMAF models of libvmaf: their ids, ranges, inputs and intended displays.

Sources: libvmaf's model documentation (v0.6.1 family and the v1.0.16 family of 2026).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from vmafkit.errors import UsageError

DEFAULT_MODEL = "vmaf_v0.6.1"
DEFAULT_MODEL_2160 = "vmaf_4k_v0.6.1"


@dataclass(frozen=True, slots=True)
class VmafModel:
    """One model, as it is asked for.

    Attributes:
        id: its name in results, such as `vmaf_v0.6.1`.
        version: the name libvmaf knows it by; empty for a file.
        path: the JSON file, or None for a built-in model.
        lo, hi: the range of its score.
        display: the viewing condition it was made for.
        ten_bit: True if both sides are given to it as 10-bit video.
        phone: True for the score transform of phone viewing.
        ensemble: True if it is a collection with an interval.
        clip: False to leave scores outside the range as they are.
    """

    id: str
    version: str
    lo: float
    hi: float
    display: str
    path: Path | None = None
    ten_bit: bool = False
    phone: bool = False
    ensemble: bool = False
    clip: bool = True


def _v0(name: str, display: str, *, ensemble: bool = False) -> VmafModel:
    return VmafModel(name, name, 0.0, 100.0, display, ensemble=ensemble)


def _v1(suffix: str, display: str, hi: float = 100.0) -> VmafModel:
    name = f"vmaf_v1.0.16_{suffix}"
    return VmafModel(name, name, 0.0, hi, display, ten_bit=True)


_HD = "1080p television at three picture heights"
_UHD = "2160p television at one and a half picture heights"

TABLE: dict[str, VmafModel] = {
    model.id: model
    for model in (
        _v0("vmaf_v0.6.1", _HD),
        _v0("vmaf_v0.6.1neg", _HD + ", without credit for enhancement"),
        _v0("vmaf_4k_v0.6.1", _UHD),
        _v0("vmaf_4k_v0.6.1neg", _UHD + ", without credit for enhancement"),
        VmafModel(
            "vmaf_v0.6.1_phone", "vmaf_v0.6.1", 0.0, 100.0, "a phone held in the hand", phone=True
        ),
        _v0("vmaf_b_v0.6.3", _HD + ", bootstrap ensemble with interval", ensemble=True),
        _v1("3d0h", _HD),
        _v1("5d0h", "a phone at five picture heights"),
        _v1("1d5h_2160", _UHD),
        _v1("3d0h_2160", "2160p television at three picture heights", 110.0),
        _v1("hfr_3d0h", _HD + ", high frame rate"),
        _v1("hfr_5d0h", "a phone at five picture heights, high frame rate"),
        _v1("hfr_1d5h_2160", _UHD + ", high frame rate"),
        _v1("hfr_3d0h_2160", "2160p television at three picture heights, high frame rate", 110.0),
    )
}

_ALIASES = {
    "vmaf": "vmaf_v0.6.1",
    "neg": "vmaf_v0.6.1neg",
    "4k": "vmaf_4k_v0.6.1",
    "4k_neg": "vmaf_4k_v0.6.1neg",
    "phone": "vmaf_v0.6.1_phone",
    "bootstrap": "vmaf_b_v0.6.3",
    "vmaf_v1": "vmaf_v1.0.16_3d0h",
    "v1": "vmaf_v1.0.16_3d0h",
    "vmaf_v0.6.1neg_4k": "vmaf_4k_v0.6.1neg",
}


def model_by_id(name: str) -> VmafModel:
    """The model with this id or alias.

    Raises:
        UsageError: there is none; the message lists near names.
    """
    model = TABLE.get(_ALIASES.get(name, name))
    if model is None:
        near = difflib.get_close_matches(name, TABLE, n=3) or list(TABLE)
        raise UsageError(f"model {name!r} is not known", hint=f"try {', '.join(near)}")
    return model


def default_model(display_height: int) -> VmafModel:
    """The model used when none is asked for: the 4K one from 2160 lines upwards."""
    return TABLE[DEFAULT_MODEL_2160 if display_height >= 2160 else DEFAULT_MODEL]


def model_from_file(path: Path, name: str = "") -> VmafModel:
    """A model in libvmaf's JSON form on disk; its range is taken as 0 to 100."""
    if not path.is_file():
        raise UsageError(f"model file {path} is not there", hint="check the path after path=")
    return VmafModel(name or path.stem, "", 0.0, 100.0, "as its author says", path=path.absolute())
