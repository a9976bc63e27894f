"""The VMAF models of libvmaf: their ids, ranges, inputs and intended displays.

Sources: libvmaf's model documentation (v0.6.1 family and the v1.0.16 family of 2026).
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.errors import Unreadable, UsageError
from vmafkit.scoring.features import extractor_of

DEFAULT_MODEL = "vmaf_v0.6.1"
DEFAULT_MODEL_2160 = "vmaf_4k_v0.6.1"
_LARGEST_BYTES = 16 * 1024 * 1024


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
        name: its column in output files; empty for the usual one.
        options: of its features, such as (("adm.adm_enhn_gain_limit", "1.0"),).
        smallest: least (shorter side, longer side) of the picture in samples; below it
            libvmaf fails (measured).
        extractors: of its features, whose options can be set.
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
    name: str = ""
    options: tuple[tuple[str, str], ...] = ()
    smallest: tuple[int, int] = (17, 17)
    extractors: tuple[str, ...] = ("adm", "motion", "vif")


def _v0(name: str, display: str, *, ensemble: bool = False) -> VmafModel:
    model = VmafModel(name, name, 0.0, 100.0, display, ensemble=ensemble)
    if not name.startswith("vmaf_float_"):
        return model
    return replace(model, extractors=tuple(f"float_{each}" for each in model.extractors))


def _v1(suffix: str, display: str, hi: float = 100.0) -> VmafModel:
    name = f"vmaf_v1.0.16_{suffix}"
    smallest = (266, 266) if "5d0h" in suffix else (318, 318) if hi > 100.0 else (160, 216)
    return VmafModel(
        name, name, 0.0, hi, display, ten_bit=True, smallest=smallest,
        extractors=("adm", "cambi", "motion", "speed_chroma"),
    )  # fmt: skip


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
        _v0("vmaf_float_v0.6.1", _HD + ", in floating point"),
        _v0("vmaf_float_v0.6.1neg", _HD + ", in floating point, without credit for enhancement"),
        _v0("vmaf_float_4k_v0.6.1", _UHD + ", in floating point"),
        _v0("vmaf_float_b_v0.6.3", _HD + ", bootstrap ensemble in floating point", ensemble=True),
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
    """A model in libvmaf's JSON form on disk, with the range that it states, else 0 to 100.

    A collection is an ensemble with the range and the features of its first model.

    Raises:
        UsageError: it is not there.
        Unreadable: it is not a model in JSON.
    """
    try:
        is_there = path.is_file()
    except OSError:
        is_there = False
    if not is_there:
        raise UsageError(
            f"model file {str(path)[:300]} is not there", hint="check the path after path="
        )
    document = _document(path)
    is_collection = "0" in document
    first = document["0"] if is_collection else document
    model = cast("dict[str, Any]", first).get("model_dict") if isinstance(first, dict) else None
    if not isinstance(model, dict):
        raise Unreadable(f"model file {path} holds no model", hint="it is libvmaf's JSON form")
    facts = cast("dict[str, Any]", model)
    lo, hi = _range(facts.get("score_clip"))
    names = facts.get("feature_names")
    names = [str(each) for each in cast("list[Any]", names)] if isinstance(names, list) else []
    ten_bit = any("cambi" in name.lower() for name in names)
    return VmafModel(
        name or re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem) or "model",
        "",
        lo,
        hi,
        "as its author says",
        path=path.absolute(),
        ten_bit=ten_bit,
        ensemble=is_collection,
        smallest=(160, 216) if ten_bit else (17, 17),
        extractors=tuple(sorted({found for name in names if (found := extractor_of(name))})),
    )


def model_key(model: VmafModel) -> str:
    """What stands for a model in a store's key; a file's id too, as its columns are named by it."""
    return f"file:{model.id}:{fsio.sha256_file(model.path)}" if model.path else model.id


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ValueError("too large")
        document = json.loads(fsio.read_bytes(path))
    except OSError as error:
        raise Unreadable(f"model file {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"model file {path} is not JSON", hint="older .pkl models must be converted first"
        ) from error
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _range(clip: Any) -> tuple[float, float]:
    try:
        lo, hi = (float(value) for value in clip)
    except (TypeError, ValueError):
        return 0.0, 100.0
    return (lo, hi) if lo < hi else (0.0, 100.0)
