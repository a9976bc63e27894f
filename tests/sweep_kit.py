"""Sweeps with a made ffmpeg, for the tests of what goes wrong in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faketools.fake import FakeFfmpeg

from vmafkit import api

Rounds = Callable[[int, int], int]


def sweep(fake: FakeFfmpeg, output: Path, crf: str, **more: Any) -> Any:
    """A sweep in this process."""
    plan = api.plan_corpus([fake.source], crf=[crf], ffmpeg_bin=fake.program)
    return api.corpus(plan, output, **more)


def words(fake: FakeFfmpeg, output: Path, crf: str, *more: str | Path) -> list[str | Path]:
    """The same as a command."""
    base: list[str | Path] = ["corpus", fake.source, "--ffmpeg-bin", fake.program, "--crf", crf]
    return [*base, "--json", "-o", output, *more]
