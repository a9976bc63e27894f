"""What is asked of libvmaf, or of ffmpeg's own filter, for a metric beside VMAF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vmafkit.errors import UsageError
from vmafkit.scoring import xpsnr
from vmafkit.scoring.features import TABLE, Feature, feature_by_name

FEATURES: dict[str, Feature] = {
    "xpsnr": xpsnr.FEATURE,
    "psnr": TABLE["psnr"],
    "ssim": TABLE["float_ssim"],
    "ms_ssim": TABLE["float_ms_ssim"],
    "cambi": TABLE["cambi"],
}


def features_of(metrics: Iterable[str]) -> tuple[Feature, ...]:
    """What has to be asked for beside the models, in one order whatever that of the metrics.

    Args:
        metrics: names in FEATURES, or `vmaf`, which needs nothing.

    Raises:
        UsageError: a name is neither.
    """
    wanted = set(metrics) - {"vmaf"}
    unknown = wanted - FEATURES.keys()
    if unknown:
        raise UsageError(
            f"there is no metric {min(unknown)!r}", hint=f"there are: vmaf, {', '.join(FEATURES)}"
        )
    return tuple(feature for name, feature in FEATURES.items() if name in wanted)


def feature_or_metric(name: str) -> Feature:
    """What a metric or a feature of libvmaf is called: `xpsnr`, `psnr`, `float_ssim`.

    Raises:
        UsageError: there is none; the hint lists some.
    """
    return FEATURES.get(name) or feature_by_name(name)


def in_libvmaf(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Those that libvmaf computes; the rest have a filter of their own."""
    return tuple(feature for feature in features if feature.name != xpsnr.NAME)
