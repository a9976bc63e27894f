"""The plain arithmetic of the tests is libvmaf's."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tests import engine_reference as plain
from tests.engine_kit import blurred, moving, truth


@pytest.mark.parametrize(("width", "height", "depth"), [(97, 83, 8), (176, 144, 10)])
def test_plain_arithmetic_gives_libvmafs_features(width: int, height: int, depth: int) -> None:
    references = moving(width, height, 3, depth)
    distorted = [blurred(p) for p in references]
    log = truth(references, distorted, depth)
    for i, (ours, theirs) in enumerate(zip(references, distorted, strict=True)):
        adm2, scales = plain.adm(ours, theirs, depth)
        assert abs(adm2 - log["integer_adm2"][i]) < 1e-6
        for n, score in enumerate(plain.vif(ours, theirs, depth)):
            assert abs(score - log[f"integer_vif_scale{n}"][i]) < 2e-6
            assert abs(scales[n] - log[f"integer_adm_scale{n}"][i]) < 1e-6
    sads = [plain.motion_sad(a, b, depth) for a, b in pairwise(references)]
    np.testing.assert_allclose(
        log["VMAF_integer_feature_motion_sad_score"], [0.0, *sads], atol=1e-6
    )
