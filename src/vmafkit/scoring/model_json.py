"""The JSON text of the built-in models.

Most of them come with the ffmpeg-quality-metrics wheel. The others are read from the libvmaf
inside ffmpeg, which carries every built-in model as text.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from vmafkit.errors import CapabilityMissing
from vmafkit.scoring import ensemble
from vmafkit.scoring.vmaf_models import model_by_id

_START = re.compile(rb'\{\s{0,16}"param_dict"\s*:')
_OPTIONS = "feature_opts_dicts"
_LONGEST_BYTES = 256 * 1024


def model_json(model_id: str, program: Path) -> bytes:
    """The JSON of a built-in model; of an ensemble, the collection of its members.

    Args:
        model_id: an id or alias, such as `vmaf_v0.6.1`.
        program: an ffmpeg that carries libvmaf.

    Raises:
        UsageError: the model is not known.
        CapabilityMissing: neither the wheel nor the program carries it.
    """
    model = model_by_id(model_id)
    if model.ensemble:
        texts = ensemble.member_models(program, model.version)
        joined = {str(index): json.loads(text) for index, text in enumerate(texts)}
        return json.dumps(joined).encode()
    file = _wheel_file(model.version)
    text = file.read_bytes() if file else _relative(program, model.version)
    if text is None:
        raise CapabilityMissing(
            f"{program.name} carries no model {model.id}", hint="choose another --model"
        )
    return text


def _wheel_file(version: str) -> Path | None:
    # The package itself is not imported: it pulls in pandas.
    spec = find_spec("ffmpeg_quality_metrics")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "vmaf_models" / f"{version}.json"
        if file.is_file():
            return file
    return None


def _relative(program: Path, version: str) -> bytes | None:
    """A model with the support vectors of one in the wheel, but with other features.

    The texts inside a program have no names. Models in floating point differ from their relative
    in the names of the features, those without credit for enhancement in the options.
    """
    base = _wheel_file(version.replace("_float_", "_").removesuffix("neg"))
    if base is None:
        return None
    vectors = json.loads(base.read_bytes())["model_dict"]["model"]
    prefix = "VMAF_feature_" if "_float_" in version else "VMAF_integer_feature_"
    for text, model in _embedded(program):
        limited = any("adm_enhn_gain_limit" in entry for entry in model.get(_OPTIONS, ()))
        named = all(name.startswith(prefix) for name in model["feature_names"])
        if model.get("model") == vectors and named and limited == version.endswith("neg"):
            return text
    return None


def _embedded(program: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    decoder = json.JSONDecoder()
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for found in _START.finditer(data):
            part = bytes(data[found.start() : found.start() + _LONGEST_BYTES])
            try:
                # Not every text ends in a zero byte.
                text = part.decode("latin-1")
                document, end = decoder.raw_decode(text)
            except (ValueError, RecursionError):
                continue
            if "model_dict" in document:
                yield part[:end], cast("dict[str, Any]", document["model_dict"])
