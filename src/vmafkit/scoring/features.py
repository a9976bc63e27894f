"""The features of libvmaf that can be asked for by name beside the models."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from vmafkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature extractor.

    Attributes:
        name: libvmaf's name of the extractor.
        columns: the per-frame columns it adds to the log.
        higher_is_better: False for banding and colour difference in their raw form.
        options: as libvmaf knows them, such as (("enable_chroma", "false"),); they may
            change or rename the columns.
        smallest: least (shorter side, longer side) of the picture in samples (measured).
        unbounded: it is infinite where the two pictures are equal.
    """

    name: str
    columns: tuple[str, ...]
    higher_is_better: bool = True
    options: tuple[tuple[str, str], ...] = ()
    smallest: tuple[int, int] = (17, 17)
    unbounded: bool = False


TABLE: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("psnr", ("psnr_y", "psnr_cb", "psnr_cr")),
        Feature(
            "psnr_hvs", ("psnr_hvs_y", "psnr_hvs_cb", "psnr_hvs_cr", "psnr_hvs"), unbounded=True
        ),
        Feature("float_ssim", ("float_ssim",), unbounded=True),
        Feature("float_ms_ssim", ("float_ms_ssim",), smallest=(176, 176), unbounded=True),
        Feature("ciede", ("ciede2000",), unbounded=True),
        Feature("cambi", ("cambi",), higher_is_better=False, smallest=(17, 216)),
        Feature(
            "vif",
            (
                "integer_vif_scale0",
                "integer_vif_scale1",
                "integer_vif_scale2",
                "integer_vif_scale3",
            ),
        ),
        Feature(
            "adm",
            (
                "integer_adm2",
                *(f"integer_adm_scale{scale}" for scale in range(4)),
                "integer_aim",
                "integer_adm3",
            ),
        ),
        Feature("motion", ("integer_motion2", "integer_motion3"), higher_is_better=False),
        Feature("float_psnr", ("float_psnr",)),
        Feature("float_ansnr", ("float_ansnr", "float_anpsnr")),
        Feature("float_vif", tuple(f"vif_scale{scale}" for scale in range(4))),
        Feature("float_adm", ("adm2", *(f"adm_scale{scale}" for scale in range(4)), "aim", "adm3")),
        Feature("float_motion", ("motion2", "motion", "motion3"), higher_is_better=False),
        Feature(
            "float_moment",
            (
                "float_moment_ref1st",
                "float_moment_dis1st",
                "float_moment_ref2nd",
                "float_moment_dis2nd",
            ),
        ),
        Feature(
            "speed_chroma",
            ("speed_chroma_u", "speed_chroma_v", "speed_chroma_uv"),
            higher_is_better=False,
            smallest=(160, 160),
        ),
        Feature("speed_temporal", ("speed_temporal",), higher_is_better=False, smallest=(80, 80)),
    )
}
_ALIASES = {"ssim": "float_ssim", "ms_ssim": "float_ms_ssim", "ms-ssim": "float_ms_ssim"}


def unbounded_columns(features: Sequence[Feature]) -> tuple[str, ...]:
    """The columns that are infinite where the two pictures are equal."""
    return tuple(column for feature in features if feature.unbounded for column in feature.columns)


def extractor_of(model_feature: str) -> str | None:
    """The extractor of a feature as model files name it; None where libvmaf has none.

    Args:
        model_feature: such as `VMAF_integer_feature_adm2_score`.
    """
    kind, _, atom = model_feature.removesuffix("_score").partition("_feature_")
    column = f"integer_{atom}" if kind == "VMAF_integer" else atom
    return next((each.name for each in TABLE.values() if column in each.columns), None)


def feature_by_name(name: str) -> Feature:
    """The feature with this name or alias (`ssim`, `ms_ssim`).

    Raises:
        UsageError: there is none; the message lists what there is.
    """
    feature = TABLE.get(_ALIASES.get(name, name))
    if feature is None:
        near = difflib.get_close_matches(name, TABLE, n=3) or list(TABLE)
        raise UsageError(f"feature {name!r} is not known", hint=f"try {', '.join(near)}")
    return feature
