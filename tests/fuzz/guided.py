"""Searches one parser with atheris, which sees which lines an input reaches.

    python -m tests.fuzz.guided "y4m header" -runs=100000 -max_len=2000

atheris is not among the packages that the tests need. A find ends it and lies in `crash-*`.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["vmafkit"]):
    from tests.fuzz.targets import TARGETS

    from vmafkit.errors import VmafkitError


def main() -> None:
    """Run the search that the arguments name."""
    name, *flags = sys.argv[1:]
    target = TARGETS[name]
    folder = Path(tempfile.mkdtemp(prefix="corpus-"))
    for number, seed in enumerate((*target.seeds, *target.tokens)):
        (folder / str(number)).write_bytes(seed)

    def one(data: bytes) -> None:
        with contextlib.suppress(VmafkitError):
            target.parse(data)

    atheris.Setup([sys.argv[0], *flags, str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
