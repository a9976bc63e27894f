"""`vmaf-tune`: sweep encoders into a corpus, and decide from it."""

from __future__ import annotations

import sys

from vmafkit.cli.apps import new_program
from vmafkit.cli.clusters import clustered
from vmafkit.cli.limits import limited
from vmafkit.cli.verbs import (
    auto,
    benchmark,
    compare,
    corpus,
    export,
    ladder,
    recommend,
    tune_per_shot,
    zones,
)

app = new_program(
    "vmaf-tune",
    "Encode to a quality target and prove it; every command shares one store of trials.",
)
app.command("auto", help=auto.HELP)(limited(auto.auto))
app.command("benchmark", help=benchmark.HELP)(benchmark.benchmark)
app.command("compare", help=compare.HELP)(limited(clustered(compare.compare)))
app.command("corpus", help=corpus.HELP)(limited(clustered(corpus.corpus, may_mix=True)))
app.command("export", help=export.HELP)(export.export)
app.command("ladder", help=ladder.HELP)(limited(clustered(ladder.ladder)))
app.command("recommend", help=recommend.HELP)(limited(recommend.recommend))
app.command("tune-per-shot", help=tune_per_shot.HELP)(
    limited(clustered(tune_per_shot.tune_per_shot))
)
app.command("zones", help=zones.HELP)(limited(zones.zones))


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmaf-tune", app))
