"""What the engine's memory is at 4K with four encodes: bounded, and no new pages a frame.

python benchmarks/engine_memory.py
"""

from __future__ import annotations

import argparse
import resource

import numpy as np

from vmafkit.scoring.engine.engine import Engine

WIDTH, HEIGHT = 3840, 2160


def main() -> None:
    """Push frames of noise; print peak memory and page faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encodes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=16)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 250, (HEIGHT, WIDTH), dtype=np.uint8)
    distorted = [reference + np.uint8(n) for n in range(given.encodes)]
    before = resource.getrusage(resource.RUSAGE_SELF)
    faults: list[int] = []
    with Engine(WIDTH, HEIGHT, distorted=given.encodes) as engine:
        for _ in range(given.frames):
            engine.push(reference, distorted)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        engine.finish()
    after = resource.getrusage(resource.RUSAGE_SELF)
    later = (faults[-1] - faults[1]) / (len(faults) - 2)
    print(
        f"{given.encodes} encodes, {given.frames} frames of {WIDTH}x{HEIGHT}: peak "
        f"{(after.ru_maxrss - before.ru_maxrss) / 1024:.0f} MiB above the pictures, "
        f"{later:.1f} page faults a frame after the second"
    )


if __name__ == "__main__":
    main()
