"""The model that ships: its registry entry, its card, and how near it is to the exact teacher."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vmafkit.learn.enrich import exact_labels, sample
from vmafkit.learn.feature_sets import CANONICAL_6
from vmafkit.models.loader import open_model

from .conftest import feature_rows

FOLDER = Path(__file__).parents[3] / "model" / "tiny"


def test_it_is_found_by_id_and_is_what_its_card_says() -> None:
    model = open_model("vmaf_tiny_v2", device="cpu")
    assert model.features == CANONICAL_6
    assert model.facts.opset == 17
    card = json.loads((FOLDER / "vmaf_tiny_v2.json").read_text())
    assert card["sha256"] == model.sha256
    assert card["n_params"] == 257
    assert card["arch"].startswith("mlp_small: Linear(6,16)-ReLU-Linear(16,8)-ReLU-Linear(8,1)")
    assert card["evaluation"]["rmse"] <= 0.15
    assert card["evaluation"]["plcc"] >= 0.9999
    assert card["evaluation"]["max_abs_error"] <= 0.8
    assert abs(card["evaluation"]["bias_above_90"]) <= 0.05
    held = set(card["evaluation"]["sources"])
    assert held and not held & set(card["training"]["sources"]["train"])
    assert not held & set(card["training"]["sources"]["val"])


def test_no_path_of_a_machine_is_in_the_card() -> None:
    for path in FOLDER.glob("*.json"):
        assert not [
            word
            for word in [f"/{name}/" for name in ("tmp", "home", "work", "opt")]
            if word in path.read_text()
        ]


def test_a_perfect_frame_scores_as_its_teacher_says() -> None:
    model = open_model("vmaf_tiny_v2", device="cpu")
    assert model.run([[1, 1, 1, 1, 1, 0]])[0] == pytest.approx(97.42804, abs=0.3)


def test_it_is_near_the_exact_teacher_on_rows_like_real_ones() -> None:
    rows = feature_rows(3000, seed=5).select(CANONICAL_6).to_numpy()
    truth = exact_labels(CANONICAL_6)(rows)
    seen = rows[(truth > 20) & (truth < 100)]
    error = open_model("vmaf_tiny_v2", device="cpu").run(seen) - exact_labels(CANONICAL_6)(seen)
    assert np.sqrt((error**2).mean()) < 1.0
    made = sample(seen, 2000, np.random.default_rng(0))
    assert np.isfinite(open_model("vmaf_tiny_v2", device="cpu").run(made)).all()
