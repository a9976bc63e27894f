"""Feature tables made from the exact teacher, and small raw data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vmafkit.learn.enrich import exact_labels
from vmafkit.learn.feature_sets import CANONICAL_6

MakeTable = Callable[..., Path]


def feature_rows(rows: int, seed: int = 0) -> pl.DataFrame:
    """Rows that look like real features: VIF rises with the scale, ADM goes along with it."""
    rng = np.random.default_rng(seed)
    quality = rng.random(rows) ** 0.5
    vif = [np.clip(quality ** (1.0 / (1 + scale)) * 0.98 + 0.01, 0, 1) for scale in range(4)]
    adm = np.clip(0.55 + 0.45 * quality + rng.normal(0, 0.01, rows), 0, 1.05)
    columns = dict(zip(CANONICAL_6, (adm, *vif, rng.gamma(2.0, 2.0, rows)), strict=True))
    table = pl.DataFrame(columns)
    return table.with_columns(vmaf=exact_labels(CANONICAL_6)(table.to_numpy()))


@pytest.fixture(scope="session")
def make_table(tmp_path_factory: pytest.TempPathFactory) -> MakeTable:
    """make_table(rows, sources=6, clips=3): a feature table in Parquet."""
    folder = tmp_path_factory.mktemp("tables")
    made: dict[object, Path] = {}

    def make(rows: int = 600, *, sources: int = 6, clips: int = 3, seed: int = 0) -> Path:
        key = (rows, sources, clips, seed)
        if key not in made:
            index = np.arange(rows)
            clip = index % (sources * clips)
            names = [f"S{each % sources}" for each in clip]
            keys = [f"S{each % sources}_{each // sources}_180_500.yuv" for each in clip]
            table = feature_rows(rows, seed).with_columns(
                key=pl.Series(keys),
                source=pl.Series(names),
                dis_basename=pl.Series(keys),
                frame_index=pl.Series(index // (sources * clips)),
            )
            made[key] = folder / f"{len(made)}.parquet"
            table.write_parquet(made[key])
        return made[key]

    return make
