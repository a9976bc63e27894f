"""Time to train mlp_small on 330,000 rows for 90 epochs.

    python benchmarks/train.py [--rows 330000] [--epochs 90] [--threads 1] [--recipe]

The rows are drawn over the range of real features and labelled by the exact teacher. With
--recipe the whole recipe of vmaf_tiny_v2 runs once (enrichment, polish and finish too).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from vmafkit.learn.config import FitConfig, load_config
from vmafkit.learn.enrich import exact_labels
from vmafkit.learn.feature_sets import CANONICAL_6
from vmafkit.learn.fit import fit
from vmafkit.learn.tables import read_features

RECIPE = Path(__file__).parents[1] / "ai" / "configs" / "vmaf_tiny_v2.yaml"


def drawn_table(rows: int, path: Path) -> None:
    rng = np.random.default_rng(0)
    quality = rng.random(rows) ** 0.5
    vif = [quality ** (1.0 / (1 + scale)) for scale in range(4)]
    adm = np.clip(0.5 + 0.5 * quality + rng.normal(0, 0.02, rows), 0, 1.05)
    table = pl.DataFrame(dict(zip(CANONICAL_6, (adm, *vif, rng.gamma(2, 3, rows)), strict=True)))
    sources = [f"S{index % 20}" for index in range(rows)]
    table.with_columns(
        vmaf=exact_labels(CANONICAL_6)(table.to_numpy()),
        key=pl.Series(sources),
        source=pl.Series(sources),
    ).write_parquet(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=330_000)
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--recipe", action="store_true")
    options = parser.parse_args()
    if options.recipe:
        config = load_config(RECIPE).model_copy(update={"seeds": [], "epochs": options.epochs})
    else:
        config = FitConfig.model_validate(
            {"epochs": options.epochs, "batch_size": 4096, "lr": 0.02, "schedule": "onecycle",
             "test_frac": 0.05, "val_frac": 0.05}
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.parquet"
        drawn_table(options.rows, path)
        table = read_features(path, CANONICAL_6)
        import torch  # noqa: F401 (its import is not what is timed)

        before, started = time.process_time(), time.monotonic()
        fitted = fit(table, config, threads=options.threads)
        wall_s, cpu_s = time.monotonic() - started, time.process_time() - before
    print(f"rows            {options.rows}")
    print(f"epochs          {options.epochs}")
    print(f"wall, s         {wall_s:.1f}")
    print(f"CPU, s          {cpu_s:.1f}")
    for part in ("train", "val", "test"):
        found = fitted.record[f"{part}_metrics"]
        if found:
            print(f"{part:5} RMSE      {found['rmse']:.4f}  largest {found['max_abs_error']:.3f}")


if __name__ == "__main__":
    main()
