"""`vmaf-harness`: testing and training metrics on data sets with opinion scores."""

from __future__ import annotations

import sys

from vmafkit.cli.apps import new_app, new_program
from vmafkit.cli.clusters import clustered
from vmafkit.cli.harness_verbs import pairs, space, testing, training
from vmafkit.cli.limits import limited

app = new_program(
    "vmaf-harness", "Tests and trains quality metrics on data sets with opinion scores."
)
app.command("run-testing", help=testing.TESTING_HELP)(
    limited(clustered(testing.run_testing, "processes"))
)
app.command("run-vmaf", help=pairs.VMAF_HELP)(limited(pairs.run_vmaf))
app.command("run-psnr", help=pairs.PSNR_HELP)(limited(pairs.run_psnr))
app.command("run-vmaf-in-batch", help=pairs.BATCH_HELP)(limited(pairs.run_vmaf_in_batch))
app.command("run-vmaf-training", help=training.TRAINING_HELP)(limited(training.run_vmaf_training))
app.command("run-vmaf-cross-validation", help=training.CROSS_HELP)(
    limited(training.run_vmaf_cross_validation)
)
app.command("convert-model", help=training.CONVERT_HELP)(training.convert_model)
app.command("run-encode", help=testing.ENCODE_HELP)(limited(testing.run_encode))
app.command("run-cleaning-cache", help=testing.CLEANING_HELP)(testing.run_cleaning_cache)
app.command("run-result-assembly", help=pairs.ASSEMBLY_HELP)(pairs.run_result_assembly)

workspace_app = new_app("The folders that the harness works in.")
workspace_app.command("show", help=space.SHOW_HELP)(space.show)
workspace_app.command("size", help=space.SIZE_HELP)(space.size)
workspace_app.command("clean", help=space.CLEAN_HELP)(space.clean)
app.add_typer(workspace_app, name="workspace")

store_app = new_app("The stored results.")
store_app.command("ls", help=space.LS_HELP)(space.ls)
store_app.command("show", help=space.STORE_SHOW_HELP)(space.show_result)
store_app.command("prune", help=space.PRUNE_HELP)(space.prune)
store_app.command("export", help=space.EXPORT_HELP)(space.export)
app.add_typer(store_app, name="store")


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmaf-harness", app))


def run_verb(verb: str) -> None:
    """One verb as a program of its own, for `python -m vmafkit.harness.run_testing`."""
    sys.argv[1:1] = [verb]
    main()
