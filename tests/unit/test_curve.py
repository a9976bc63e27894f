"""Curves of one variable."""

from __future__ import annotations

import numpy as np
import pytest

from vmafkit.curve import linear_scale, log_distance_scale, logit_scale, pchip


def test_logit_scale_values() -> None:
    scale = logit_scale(0.0, 100.0, foot=0.1, head=0.03)
    assert float(scale.to(50.0)) == pytest.approx(np.log(60 / 53))
    assert float(scale.to(120.0)) == float(scale.to(100.0)) == pytest.approx(np.log(110 / 3))
    assert float(scale.back(scale.to(93.0))) == pytest.approx(93.0)
    assert float(scale.back(1e6)) == 100.0
    assert float(scale.back(-1e6)) == 0.0


def test_other_scales() -> None:
    assert float(linear_scale(6.0, 0.0, 60.0).to(72.0)) == 10.0
    ssim = log_distance_scale(1.0, 1e-5)
    assert float(ssim.back(ssim.to(0.98))) == pytest.approx(0.98)
    banding = log_distance_scale(0.0, 0.3)
    assert float(banding.to(1.0)) > float(banding.to(2.0))
    assert float(banding.back(banding.to(2.0))) == pytest.approx(2.0)


def test_pchip_keeps_shape_and_goes_straight_on() -> None:
    x, y = [0.0, 1.0, 2.0, 5.0], [4.0, 4.0, 1.0, 0.0]
    found = pchip(x, y, np.linspace(0, 5, 101))
    assert (np.diff(found) <= 1e-12).all()
    assert pchip(x, y, x) == pytest.approx(y)
    assert pchip(x, y, [-1.0, 8.0]) == pytest.approx([4.0, -1.0])
