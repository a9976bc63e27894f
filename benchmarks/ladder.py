"""A ladder found in few encodes against the ladder of the whole measured grid.

    python benchmarks/ladder.py VIDEO [--preset veryfast] [--resolutions 720,540,360,270,180]

The whole grid is measured first, into a store of its own. The search then runs over the same
store, so that both see the same numbers, and its encodes are counted as if they were new. It
fails when a rung is off the whole grid's hull, when a rendition takes over elsewhere, or when
more than half of the grid was encoded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from vmafkit import api
from vmafkit.schema.ladder import LadderPoint, LadderRecord

# Two crossings count as one when their bitrates are this near, as a share.
_NEAR = 0.05


def below_hull(point: LadderPoint, hull: list[LadderPoint]) -> float:
    """VMAF points that a setting lies below the hull at its bitrate."""
    if point.bitrate_kbps <= hull[0].bitrate_kbps:
        return 0.0 if point.vmaf >= hull[0].vmaf else hull[0].vmaf - point.vmaf
    for low, high in pairwise(hull):
        if low.bitrate_kbps <= point.bitrate_kbps <= high.bitrate_kbps:
            share = (point.bitrate_kbps - low.bitrate_kbps) / (high.bitrate_kbps - low.bitrate_kbps)
            return low.vmaf + share * (high.vmaf - low.vmaf) - point.vmaf
    return hull[-1].vmaf - point.vmaf


def crossings(record: LadderRecord) -> dict[str, float]:
    """Bitrates in kbps by the two renditions that meet."""
    return {f"{each.below} to {each.above}": each.bitrate_kbps for each in record.crossovers}


def judge(whole: LadderRecord, few: LadderRecord) -> list[str]:
    """What the search got wrong; empty when nothing."""
    wrong: list[str] = []
    for rung in few.renditions:
        gap = below_hull(rung, whole.hull)
        name = f"{rung.width}x{rung.height} {rung.crf:g}"
        print(f"rung {rung.rung}: {name}, {rung.bitrate_kbps:.0f} kbps, {rung.vmaf:.2f}, "
              f"{gap:.3f} below the hull")  # fmt: skip
        if gap > 1e-6:
            wrong.append(f"rung {name} lies {gap:.3f} below the hull")
    found = crossings(few)
    for name, kbps in crossings(whole).items():
        ours = found.get(name)
        print(f"{name}: {kbps:.0f} kbps on the whole grid, "
              f"{'nowhere' if ours is None else f'{ours:.0f} kbps'} in the search")  # fmt: skip
        if ours is None or abs(ours / kbps - 1) > _NEAR:
            wrong.append(f"the crossing {name} is elsewhere")
    if few.encodes.used * 2 > whole.encodes.grid:
        wrong.append("more than half of the grid was encoded")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--encoder", default="libx264")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--resolutions", default="720,540,360,270,180")
    parser.add_argument("--crf", default="18:42:2")
    parser.add_argument("--json", type=Path, help="keep both records here")
    options = parser.parse_args()
    words = {
        "encoder": options.encoder, "preset": options.preset, "full": True,
        "resolutions": [options.resolutions], "crf": [options.crf],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        os.environ["VMAFKIT_CACHE"] = name
        started = time.monotonic()
        whole = api.ladder(options.video, exhaustive=True, **words)
        spent = whole.encodes.encode_s + whole.encodes.score_s
        print(f"whole grid: {whole.encodes.grid} encodes, {time.monotonic() - started:.0f} s, "
              f"{spent:.0f} s of processor time")  # fmt: skip
        few = api.ladder(options.video, **words)
    share = few.encodes.used / whole.encodes.grid
    print(f"search: {few.encodes.used} encodes, {share:.0%} of the grid")
    wrong = judge(whole, few)
    same = [(r.width, r.crf) for r in whole.renditions] == [
        (r.width, r.crf) for r in few.renditions
    ]
    print(f"the same rungs as the whole grid: {'yes' if same else 'no'}")
    if options.json:
        both = {"whole": whole.record(), "few": few.record()}
        options.json.write_text(json.dumps(both, allow_nan=False, indent=1) + "\n")
    for each in wrong:
        print(f"FAILED: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
