"""The metrics that can be tested on a data set: one table, and the words that name them.

Beside the names of the table there are `path=FILE.json` for a model file, `tiny:ID` for a tiny
model, any model id, and `features:a,b` for the elementary features that models are trained on.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.harness import forest
from vmafkit.harness.model_files import words_of
from vmafkit.scoring import xpsnr
from vmafkit.scoring.features import TABLE as FEATURES
from vmafkit.scoring.features import Feature
from vmafkit.scoring.score import ScoreRequest
from vmafkit.scoring.svr import load_members
from vmafkit.scoring.vmaf_models import TABLE as MODELS
from vmafkit.scoring.vmaf_models import VmafModel, model_key
from vmafkit.scoring.words import parse_model

if TYPE_CHECKING:
    from vmafkit.scoring.tiny import TinyScorer


@dataclass(frozen=True, slots=True)
class Metric:
    """What is computed for each asset.

    Attributes:
        id: its name in the store and in results.
        column: the per-frame column that is pooled; empty for a set of features.
        models, features: what is asked of libvmaf.
        higher_is_better: False where 0 is the best.
        options: what else changes the numbers, such as the hash of a model file.
        own: a model that vmafkit applies to the features that libvmaf computes.
    """

    id: str
    column: str
    models: tuple[VmafModel, ...] = ()
    features: tuple[Feature, ...] = ()
    higher_is_better: bool = True
    options: tuple[str, ...] = ()
    own: TinyScorer | forest.ForestScorer | None = None

    def request(self) -> ScoreRequest:
        """What scoring is asked for."""
        asked = ScoreRequest(models=self.models, features=self.features, threads=1)
        return self.own.with_features(asked) if self.own is not None else asked


_MODEL_NAMES = {
    "VMAF": "vmaf_v0.6.1",
    "VMAFNEG": "vmaf_v0.6.1neg",
    "VMAF_Phone": "vmaf_v0.6.1_phone",
    "VMAF_4K": "vmaf_4k_v0.6.1",
    "BOOTSTRAP_VMAF": "vmaf_b_v0.6.3",
    "VMAF_V1": "vmaf_v1.0.16_3d0h",
}
# Only with this option does libvmaf put its scales together.
_WHOLE_VIF = replace(FEATURES["float_vif"], columns=("vif",), options=(("debug", "true"),))
# name: (extractors, column, higher is better)
_FEATURE_NAMES: dict[str, tuple[tuple[Feature, ...], str, bool]] = {
    "PSNR": ((FEATURES["psnr"],), "psnr_y", True),
    "SSIM": ((FEATURES["float_ssim"],), "float_ssim", True),
    "MS_SSIM": ((FEATURES["float_ms_ssim"],), "float_ms_ssim", True),
    "CIEDE2000": ((FEATURES["ciede"],), "ciede2000", True),
    "CAMBI": ((FEATURES["cambi"],), "cambi", False),
    "PSNR_HVS": ((FEATURES["psnr_hvs"],), "psnr_hvs", True),
    "VIF": ((_WHOLE_VIF,), "vif", True),
    **{f"VIF_SCALE{k}": ((FEATURES["vif"],), f"integer_vif_scale{k}", True) for k in range(4)},
    "ADM2": ((FEATURES["adm"],), "integer_adm2", True),
    "MOTION2": ((FEATURES["motion"],), "integer_motion2", False),
    "SpeedChroma": ((FEATURES["speed_chroma"],), "speed_chroma_uv", False),
    # It is computed beside a pass of libvmaf only, and PSNR is the quickest.
    "XPSNR": ((xpsnr.FEATURE, FEATURES["psnr"]), xpsnr.FEATURE.columns[0], True),
}
_ALIASES = {"ADM": "ADM2", "MOTION": "MOTION2", "Cambi": "CAMBI"}


def names() -> tuple[str, ...]:
    """The names of the table."""
    return (*_MODEL_NAMES, *_FEATURE_NAMES)


def metric_by_name(word: str) -> Metric:
    """The metric that a word names.

    Raises:
        UsageError: there is none, or its file is not there.
        Unreadable, ModelRefused: its file is no model.
    """
    name = _ALIASES.get(word, word)
    if name in _FEATURE_NAMES:
        features, column, rises = _FEATURE_NAMES[name]
        return Metric(name, column, features=features, higher_is_better=rises)
    if name in _MODEL_NAMES:
        return model_metric(_MODEL_NAMES[name], name=name)
    if name in MODELS or name.startswith(("path=", "version=")):
        return model_metric(name)
    if name.startswith("tiny:"):
        return _tiny(name.removeprefix("tiny:"))
    if name.startswith("features:"):
        return feature_metric(tuple(name.removeprefix("features:").split(",")))
    near = difflib.get_close_matches(name, names(), n=3) or list(names())
    raise UsageError(
        f"there is no metric {word!r}", hint=f"try {', '.join(near)}, or path=FILE.json"
    )


def model_metric(word: str, *, name: str = "") -> Metric:
    """A VMAF model as a metric.

    Args:
        word: an id, or libvmaf's `path=..` or `version=..` with options; the file may be a
            forest that vmafkit trained.
        name: another id than the model's.

    Raises: UsageError, Unreadable, Refused.
    """
    words = words_of(word)
    if "path" in words and forest.is_forest(Path(words["path"])):
        if words.keys() - {"path", "name"}:
            raise UsageError(
                f"{words['path']} is a forest, which takes no options", hint="name the file alone"
            )
        return _forest(Path(words["path"]), words.get("name", ""))
    return _of_model(parse_model(word), name)


def _of_model(model: VmafModel, name: str = "") -> Metric:
    facts = [f"{key}={value}" for key, value in model.options]
    facts += [f"phone={model.phone}", f"clip={model.clip}", f"model={model_key(model)}"]
    column = model.name or model.id
    return Metric(name or model.id, column, models=(model,), options=tuple(facts))


def phone_metric(metric: Metric, flag: str) -> Metric:
    """The metric with its model's transform of phone viewing; one that has it as it is.

    Args:
        flag: by which it was asked for, for the messages.

    Raises: UsageError: it is no VMAF model, or its model has no such transform.
    """
    if not metric.models:
        raise UsageError(f"{flag} is for VMAF models, not for {metric.id}")
    (model,) = metric.models
    if model.phone:
        return metric
    if not _has_phone_transform(model):
        raise UsageError(
            f"{flag}: {metric.id} has no transform for phones",
            hint="VMAF, VMAFNEG and BOOTSTRAP_VMAF have one; vmaf_v1.0.16_5d0h is for phones as is",
        )
    return _of_model(replace(model, phone=True, id=f"{model.id}_phone"))


def _has_phone_transform(model: VmafModel) -> bool:
    if model.path is None:
        # Those of 2160p hold none, and those of version 1 apply theirs to every display.
        return not model.ten_bit and "_4k_" not in model.version
    data = model.path.read_bytes()
    asked, usual = (load_members(data, transform=word)[0].transform for word in (True, None))
    return asked is not None and usual is None


def feature_metric(extractors: tuple[str, ...]) -> Metric:
    """Elementary features by the names of their extractors. Raises: UsageError."""
    unknown = set(extractors) - FEATURES.keys()
    if unknown:
        raise UsageError(f"there is no feature extractor {min(unknown)!r}")
    ordered = tuple(sorted(set(extractors)))
    return Metric(f"features:{','.join(ordered)}", "", features=tuple(FEATURES[e] for e in ordered))


def features_metric(features: Sequence[Feature]) -> Metric:
    """Elementary features with their options, each asked for once."""
    wanted = tuple({(each.name, each.options): each for each in features}.values())
    return Metric(f"features:{','.join(each.name for each in wanted)}", "", features=wanted)


def _forest(path: Path, name: str) -> Metric:
    column = name or re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem) or "forest"
    if column in {each for feature in FEATURES.values() for each in feature.columns}:
        raise UsageError(f"the name {column} is that of a feature", hint="give another name=")
    scorer = forest.open_forest(path, column)
    fact = f"model=forest:{column}:{fsio.sha256_file(path)}"
    return Metric(column, column, options=(fact,), own=scorer)


def _tiny(word: str) -> Metric:
    from vmafkit.scoring.tiny import open_tiny

    path = Path(word)
    scorer = open_tiny(path if path.suffix == ".onnx" else word, "cpu")
    model = scorer.model
    return Metric(f"tiny:{model.id}", model.id, options=(f"sha256:{model.sha256}",), own=scorer)
