"""Fits the curves that the package ships, and tells how well they predict unseen sources.

    python benchmarks/fit_prior.py [benchmarks/curves.parquet] [--write]

Prints, for each encoder, the error of the predicted VMAF and the share inside the 90 % interval on
sources (and titles) that were left out of the fit: from SI, TI, size and frame rate alone, and
with the bits of one encode (libx264, CRF 28) besides. `--write` replaces the shipped file.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from search import curve_rows, read_curves, read_features

import vmafkit
from vmafkit.decide.predict import train

SHIPPED = Path(vmafkit.__file__).parent / "decide" / "data" / "curves.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).with_name("curves.parquet")
    parser.add_argument("curves", type=Path, nargs="?", default=default)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    curves, features = read_curves(options.curves), read_features(options.curves)
    rows = curve_rows(curves)
    titles = {curve.source: curve.title for curve in curves}
    bare = {name: replace(found, probe_bits_per_pixel=None) for name, found in features.items()}
    print(f"{'left out':9} {'features':13} {'encoder':10} {'mean':>6} {'max':>6} {'inside':>7}  of")
    family = None
    for left_out, groups in (("source", None), ("title", titles)):
        for name, known in (("with bits", features), ("without", bare)):
            fitted, accuracy = train(rows, known, groups=groups)
            family = family or fitted
            for encoder, found in accuracy.items():
                print(
                    f"{left_out:9} {name:13} {encoder:10} {found.mean_abs:6.2f} "
                    f"{found.max_abs:6.2f} {found.coverage:7.1%} {found.sources:3}"
                )
    if options.write and family is not None:
        SHIPPED.parent.mkdir(exist_ok=True)
        del family["sources"]
        text = json.dumps(family, separators=(",", ":"), sort_keys=True)
        SHIPPED.write_text(text.replace('"encoders"', '\n"encoders"') + "\n", "utf-8")
        print(f"{SHIPPED.name}: {SHIPPED.stat().st_size} bytes")


if __name__ == "__main__":
    main()
