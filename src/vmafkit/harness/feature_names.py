"""From a feature parameter file to libvmaf's extractors, columns and names in a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vmafkit.errors import Refused
from vmafkit.schema.model_recipe import FeatureParam
from vmafkit.scoring.feature_options import check_option
from vmafkit.scoring.features import TABLE, Feature

ALL = ("adm2", "motion2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3")
_VIF = ("vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3")
_ADM = ("adm_scale0", "adm_scale1", "adm_scale2", "adm_scale3")
# What libvmaf finds under the name that a model gives it; it computes more than these.
IN_MODELS = {
    "VMAF_integer_feature": ("adm2", "adm3", "aim", "motion2", "motion3", *_VIF),
    "VMAF_feature": ("adm2", "adm3", *_ADM, "aim", "motion", "motion2", "motion3", *_VIF),
}


@dataclass(frozen=True, slots=True)
class FeatureName:
    """One feature of a model.

    Attributes:
        name: as libvmaf's model files have it, such as VMAF_integer_feature_adm2_score.
        column: of libvmaf's log.
        extractor: that gives the column.
        options: of the extractor.
    """

    name: str
    column: str
    extractor: str
    options: tuple[tuple[str, float | bool], ...] = ()

    def request(self) -> Feature:
        """The extractor with its options, as libvmaf is asked for it."""
        words = tuple((key, _word(value)) for key, value in self.options)
        return replace(TABLE[self.extractor], options=words)

    def find(self, columns: Sequence[str]) -> str:
        """Its column in a log, where options add to the name. Raises: Refused."""
        near = [each for each in columns if each.startswith(f"{self.column}_")]
        found = [self.column] if self.column in columns else near
        if len(found) != 1:
            raise Refused(f"libvmaf's log holds no single {self.column}")
        return found[0]


def features_of(param: FeatureParam) -> tuple[FeatureName, ...]:
    """The features, ordered by their names as libvmaf's models are.

    Raises:
        Refused: libvmaf takes no such feature in a model.
    """
    found: dict[str, FeatureName] = {}
    for kind, atoms in param.feature_dict.items():
        for atom in ALL if atoms == "all" else atoms:
            each = _feature(kind, atom)
            given = param.feature_option_dict.get(kind, {})
            head = each.extractor.removeprefix("float_")
            options = sorted((k, v) for k, v in given.items() if k.startswith(f"{head}_"))
            found[each.name] = replace(each, options=tuple(options))
    return tuple(found[name] for name in sorted(found))


def features_of_model(
    names: Sequence[str], options: Sequence[Mapping[str, Any]]
) -> tuple[FeatureName, ...]:
    """The features that a model takes, with the options it states.

    Raises:
        Refused: a feature is none of libvmaf's, or the value of an option is no number.
        UsageError: the feature's extractor has no such option.
    """
    found: list[FeatureName] = []
    for name, own in zip(names, options, strict=True):
        each = feature_by_model_name(name)
        for key, value in own.items():
            check_option(TABLE[each.extractor], key)
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise Refused(f"the model's option {key} is not a finite number")
        found.append(replace(each, options=tuple(sorted(own.items()))))
    return tuple(found)


def feature_by_model_name(name: str) -> FeatureName:
    """The feature that a model file names. Raises: Refused."""
    kind, mark, rest = name.partition("_feature_")
    if not mark:
        raise Refused(f"the model's feature {name} is none of libvmaf's")
    return _feature(f"{kind}_feature", rest.removesuffix("_score"))


def _word(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _feature(kind: str, atom: str) -> FeatureName:
    column = f"integer_{atom}" if kind == "VMAF_integer_feature" else atom
    known = [each.name for each in TABLE.values() if column in each.columns]
    allowed = IN_MODELS.get(kind)
    if not known or (allowed is not None and atom not in allowed):
        raise Refused(
            f"{kind} has no feature {atom!r} that libvmaf takes in a model",
            hint=f"it has {', '.join(allowed)}" if allowed else "",
        )
    return FeatureName(f"{kind}_{atom}_score", column, known[0])
