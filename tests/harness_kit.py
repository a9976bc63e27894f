"""A made data set with opinion scores of known noise, for the tests of the harness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tests.scoring_kit import ffmpeg

from vmafkit import api

SOURCES = {
    "test": "testsrc2=s=128x72:r=25,noise=alls=8:allf=t:all_seed=5",
    "life": "mandelbrot=s=128x72:r=25:start_scale=2.5",
    "cells": "cellauto=s=128x72:r=25:rule=110:random_seed=7,gblur=sigma=1",
}
NOISE = 1.5
SUBJECTS = 8


class Space:
    """A data set of a few clips with opinion scores of known noise, in a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "space"
        sources: list[str | Path] = []
        for name, graph in SOURCES.items():
            path = folder / f"{name}.mkv"
            ffmpeg(
                "-f", "lavfi", "-i", f"{graph},format=yuv420p", "-frames:v", "6",
                "-c:v", "ffv1", path,
            )  # fmt: skip
            sources.append(path)
        self.encodes = api.run_encode(
            sources,
            encoder=["libx264", "libx265"],
            crf=[25, 38, 50],
            preset=["ultrafast"],
            recipe=folder / "made.yaml",
            workspace=self.root,
        )
        self.recipe: dict[str, Any] = yaml.safe_load((folder / "made.yaml").read_text("utf-8"))
        self.give_scores()

    def give_scores(self) -> None:
        """Opinions that follow VMAF, with a bias for each subject and noise of one size."""
        lines = [
            f"notyuv 0 0 {self.recipe['ref_videos'][v['content_id']]['path']} {v['path']}"
            for v in self.recipe["dis_videos"]
        ]
        (self.folder / "pairs.txt").write_text("\n".join(["# made", *lines]), "utf-8")
        self.batch = api.run_vmaf_in_batch(
            self.folder / "pairs.txt", workspace=self.folder / "other", processes=2
        )
        self.vmaf = np.asarray([each["score"] for each in self.batch["pairs"]])
        rng = np.random.default_rng(1)
        bias = rng.normal(0, 2, SUBJECTS)
        self.opinions = self.vmaf[:, None] + bias + rng.normal(0, NOISE, (len(lines), SUBJECTS))
        for video, row in zip(self.recipe["dis_videos"], self.opinions, strict=True):
            video["os"] = {f"s{i}": float(value) for i, value in enumerate(row)}
        self.path = self.write("set.yaml", self.recipe)
        self.features = self.write("features.yaml", {
            "feature_dict": {"VMAF_integer_feature": "all"},
            "feature_option_dict": {"VMAF_integer_feature": {"vif_enhn_gain_limit": 1.0}},
        })  # fmt: skip
        self.params = self.write("params.yaml", {
            "model_type": "LIBSVMNUSVR",
            "model_param_dict": {"norm_type": "clip_0to1", "gamma": 0.05, "C": 4.0, "nu": 0.9,
                                 "score_clip": [0.0, 100.0]},
        })  # fmt: skip

    def write(self, name: str, values: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(values), "utf-8")
        return path
