"""Named feature sets: which columns a model reads, in which order, and what computes them.

A set belongs to a model, never to the program: a model card names the one it was made for.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from vmafkit.errors import UsageError
from vmafkit.scoring.features import Feature, feature_by_name

TEACHER = "vmaf_v0.6.1"


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """An ordered set of features.

    Attributes:
        name: as `--features-set` takes it.
        columns: of the feature table, in the order a model reads them.
        extractors: libvmaf's extractors beside what the teacher computes anyway.
        about: one line.
    """

    name: str
    columns: tuple[str, ...]
    extractors: tuple[str, ...]
    about: str

    def requests(self, teacher: str = TEACHER) -> tuple[Feature, ...]:
        """The extractors to ask libvmaf for, beside the teacher model."""
        given = ("vif", "adm", "motion") if teacher.startswith(("vmaf_v0", "vmaf_4k")) else ()
        return tuple(feature_by_name(name) for name in self.extractors if name not in given)


CANONICAL_6 = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")

TABLE: dict[str, FeatureSet] = {
    each.name: each
    for each in (
        FeatureSet(
            "canonical-6", CANONICAL_6, ("adm", "vif", "motion"), "the inputs of vmaf_v0.6.1"
        ),
        FeatureSet(
            "full",
            (
                "adm2",
                *(f"adm_scale{scale}" for scale in range(4)),
                *(f"vif_scale{scale}" for scale in range(4)),
                "motion2",
                "motion3",
                "psnr_y",
                "psnr_cb",
                "psnr_cr",
                "float_ssim",
                "float_ms_ssim",
                "cambi",
                "ciede2000",
                "psnr_hvs",
            ),
            ("adm", "vif", "motion", "psnr", "float_ssim", "float_ms_ssim", "cambi", "ciede",
             "psnr_hvs"),
            "everything libvmaf computes of 8-bit video",
        ),
        FeatureSet(
            "elementary",
            (
                *CANONICAL_6[:1],
                *(f"adm_scale{scale}" for scale in range(4)),
                *CANONICAL_6[1:],
            ),
            ("adm", "vif", "motion"),
            "canonical-6 and the scales of ADM",
        ),
    )
}  # fmt: skip


def feature_set(name: str) -> FeatureSet:
    """The set of that name.

    Raises:
        UsageError: there is none; the hint lists them.
    """
    found = TABLE.get(name)
    if found is None:
        near = difflib.get_close_matches(name, TABLE, n=3) or list(TABLE)
        raise UsageError(f"feature set {name!r} is not known", hint=f"try {', '.join(near)}")
    return found


def log_names(column: str) -> tuple[str, ...]:
    """The names that libvmaf's log may have for a column: newer ones first."""
    return (f"integer_{column}", column)
