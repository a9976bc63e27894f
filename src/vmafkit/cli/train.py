"""`vmaf-train`: from videos to a checked tiny model."""

from __future__ import annotations

import sys

from vmafkit.cli.apps import new_program
from vmafkit.cli.clusters import clustered
from vmafkit.cli.limits import limited
from vmafkit.cli.train_verbs import export, extract_features, fetch, fit, judge

app = new_program(
    "vmaf-train",
    "Tiny quality models: features, training, export to ONNX, and honest figures.",
)
app.command("fetch", help=fetch.HELP)(limited(fetch.fetch, starts_programs=False))
app.command("extract-features", help=extract_features.HELP)(
    limited(clustered(extract_features.extract_features))
)
app.command("fit", help=fit.HELP)(limited(fit.fit, starts_programs=False))
app.command("cross-validate", help=fit.CROSS_VALIDATE_HELP)(
    limited(fit.cross_validate, starts_programs=False)
)
app.command("export", help=export.HELP)(export.export)
app.command("eval", help=judge.EVAL_HELP)(limited(judge.evaluate, starts_programs=False))
app.command("validate", help=judge.VALIDATE_HELP)(limited(judge.validate, starts_programs=False))
app.command("register", help=export.REGISTER_HELP)(export.register)
app.command("profile", help=judge.PROFILE_HELP)(judge.profile)
app.command("compare", help=judge.COMPARE_HELP)(limited(judge.compare, starts_programs=False))


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmaf-train", app))
