"""Scores of VMAF models from the engine's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vmafkit.errors import CapabilityMissing
from vmafkit.scoring import ensemble
from vmafkit.scoring.engine.engine import NO_LIMIT, Features
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import Svr, load_members
from vmafkit.scoring.vmaf_models import VmafModel

FloatArray = npt.NDArray[np.float64]

_ADM, _MOTION, _VIF = "adm2", "motion2", tuple(f"vif_scale{n}" for n in range(4))
_GAINS = {"adm_enhn_gain_limit": _ADM, "vif_enhn_gain_limit": "vif"}


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model that the engine's features are enough for.

    Attributes:
        model: as it was asked for.
        members: one support vector regression, or those of an ensemble.
        adm_gain, vif_gain: the enhancement gains it wants.
        curve: the transform of an ensemble's score.
    """

    model: VmafModel
    members: tuple[Svr, ...]
    adm_gain: float
    vif_gain: float
    curve: ensemble.Curve | None = None

    @property
    def gains(self) -> set[float]:
        """The gains the engine must compute."""
        return {self.adm_gain, self.vif_gain}

    def scores(self, features: Features, distorted: int) -> dict[str, FloatArray]:
        """Columns under the model's id, shape (frames,) each."""
        adm = features.adm[0, :, distorted, features.gains.index(self.adm_gain)]
        vif = features.vif[:, :, distorted, features.gains.index(self.vif_gain)]
        table = {_ADM: adm, _MOTION: features.motion2, **dict(zip(_VIF, vif, strict=True))}
        parts = [member.predict(table) for member in self.members]
        name = self.model.id
        if not self.model.ensemble:
            return {name: parts[0]}
        found = ensemble.combine(
            parts, self.model.lo, self.model.hi, curve=self.curve, clip=self.model.clip
        )
        return {name: found.pop("bagging"), **{f"{name}_{k}": v for k, v in found.items()}}


def read_model(model: VmafModel, program: Path) -> EngineModel:
    """The model ready to score.

    Args:
        model: built-in or of a file.
        program: an ffmpeg that carries libvmaf's models.

    Raises:
        CapabilityMissing: it takes features that the engine does not compute.
    """
    data = model.path.read_bytes() if model.path else model_json(model.version, program)
    curve = None
    if model.ensemble:
        members = load_members(data, transform=False, clip=False)
        if model.phone:
            curve = ensemble.curve_of(ensemble.member_models(program, model.version)[0])
    else:
        members = load_members(data, transform=True if model.phone else None, clip=model.clip)
    gains = _gains(model, members[0])
    return EngineModel(model, members, gains[_ADM], gains["vif"], curve)


def _gains(model: VmafModel, svr: Svr) -> dict[str, float]:
    if not {*svr.features} <= {_ADM, _MOTION, *_VIF}:
        raise CapabilityMissing(
            f"model {model.id} takes features that the engine does not compute",
            hint="--score-backend libvmaf scores it",
        )
    found = {_ADM: NO_LIMIT, "vif": NO_LIMIT}
    stated = [item for entry in svr.feature_options for item in entry.items()]
    stated += [(key.rpartition(".")[2], value) for key, value in model.options]
    for key, value in stated:
        if key not in _GAINS:
            raise CapabilityMissing(
                f"the engine does not know the option {key} of model {model.id}",
                hint="--score-backend libvmaf scores it",
            )
        found[_GAINS[key]] = float(value)
    return found


def gains_of(models: Sequence[EngineModel]) -> tuple[float, ...]:
    """All gains that some models want, the plain one first."""
    wanted = {gain for model in models for gain in model.gains}
    return tuple(sorted(wanted, reverse=True)) or (NO_LIMIT,)
