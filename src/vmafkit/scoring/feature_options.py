"""The options of libvmaf's feature extractors.

libvmaf looks for the names it knows and says nothing of others, so a misspelled option would be
lost without a word. `heatmaps_path` of cambi is left out: it writes files.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from vmafkit.errors import UsageError
from vmafkit.scoring.features import TABLE, Feature
from vmafkit.scoring.vmaf_models import VmafModel

_ADM = (
    *("adm_csf_diag_scale", "adm_csf_mode", "adm_csf_scale", "adm_dlm_weight"),
    *("adm_enhn_gain_limit", "adm_min_val", "adm_noise_weight", "adm_norm_view_dist"),
    *("adm_ref_display_height", "adm_skip_scale0", "debug"),
)
_MOTION = (
    *("debug", "motion_blend_factor", "motion_blend_offset", "motion_force_zero"),
    *("motion_fps_weight", "motion_max_val"),
)
_SPEED = (
    *("speed_kernelscale", "speed_max_val", "speed_nn_floor", "speed_prescale"),
    *("speed_prescale_method", "speed_sigma_nn"),
)
_SSIM = ("clip_db", "enable_db", "enable_lcs")
_VIF = ("debug", "vif_enhn_gain_limit", "vif_skip_scale0")

OPTIONS: dict[str, tuple[str, ...]] = {
    "psnr": ("enable_apsnr", "enable_chroma", "enable_mse", "min_sse", "reduced_hbd_peak"),
    "float_ssim": (*_SSIM, "scale"),
    "float_ms_ssim": _SSIM,
    "cambi": (
        *("cambi_eotf", "cambi_high_res_speedup", "cambi_max_val", "cambi_topk"),
        *("cambi_vis_lum_threshold", "enc_bitdepth", "enc_height", "enc_width", "eotf"),
        *("full_ref", "max_log_contrast", "src_height", "src_width", "topk", "tvi_threshold"),
        "window_size",
    ),
    "vif": _VIF,
    "adm": (*_ADM, "adm_skip_aim"),
    "motion": (*_MOTION, "motion_five_frame_window", "motion_moving_average"),
    "float_vif": (
        *_VIF,
        *("vif_kernelscale", "vif_prescale", "vif_prescale_method", "vif_scale1_min_val"),
        *("vif_scale2_min_val", "vif_scale3_min_val", "vif_sigma_nsq"),
    ),
    "float_adm": (
        *_ADM,
        *("adm_adm3_apply_hm", "adm_bypass_cm", "adm_p_norm", "adm_skip_aim_scale"),
        *(f"adm_f{part}s{scale}" for part in (1, 2) for scale in range(4)),
    ),
    "float_motion": (*_MOTION, "motion_add_scale1", "motion_add_uv", "motion_filter_size"),
    "speed_chroma": (*_SPEED, "speed_weight_var_mode"),
    "speed_temporal": (*_SPEED, "speed_use_ref_diff"),
}


def check_option(feature: Feature, key: str) -> None:
    """Refuse an option that the feature does not have.

    Raises:
        UsageError: it is none; the hint lists those there are.
    """
    known = OPTIONS.get(feature.name, ())
    if key not in known:
        hint = f"it has {', '.join(sorted(known))}" if known else "it has no options"
        raise UsageError(
            f"the feature {feature.name} has no option {key!r}", hint=_near(key, known) + hint
        )


def check_model_option(model: VmafModel, key: str) -> None:
    """Refuse an option, written FEATURE.KEY, of a feature that the model does not have.

    Raises:
        UsageError: the model or the feature has none such; the hint lists those there are.
    """
    name, _, option = key.partition(".")
    if name not in model.extractors:
        raise UsageError(
            f"the model {model.id} has no feature {name!r}, so {key} would do nothing",
            hint=f"{_near(name, model.extractors)}it has {', '.join(model.extractors) or 'none'}",
        )
    check_option(TABLE[name], option)


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}? " if near else ""
