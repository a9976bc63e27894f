"""The verb `benchmark`: encoders compared from the rows of a corpus, without any encode."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from vmafkit.api._report import prepare_report, write_report
from vmafkit.decide.compare import Comparison, compare
from vmafkit.decide.compare_rows import at_display, curves_of, mixed, versions_of
from vmafkit.decide.from_rows import statistics_of
from vmafkit.decide.target import METRICS, Target, parse_target
from vmafkit.errors import UsageError
from vmafkit.report.comparison import commands_of, comparison_record, comparison_report
from vmafkit.report.formats import to_csv, to_markdown
from vmafkit.schema.corpus import CorpusRow
from vmafkit.store.corpus_file import latest, read_corpus

Form = Literal["markdown", "csv", "json"]


def benchmark(
    from_corpus: str | Path,
    *,
    target: str | None = None,
    target_vmaf: float | None = None,
    metric: str = "vmaf",
    statistic: str = "mean",
    model: str | None = None,
    display: tuple[int, int] | None = None,
    baseline_encoder: str | None = None,
    interpolation: Literal["pchip", "akima"] = "pchip",
    allow_mixed: bool = False,
    report: str | Path | None = None,
) -> Comparison:
    """Compare the encoders and presets of a corpus by its rows alone.

    Args:
        from_corpus: a corpus file, JSON Lines.
        target: `93` or `vmaf:p5>=90`; bitrates are compared at this score.
        target_vmaf: the same as a number, on `metric` and `statistic`.
        metric, statistic: what is compared without a target: `vmaf`, `xpsnr` ..; `mean`, `p5` ..
        model: id of a VMAF model in the rows; needed where they hold several.
        display: (width, height) of the scores; needed where one source has several.
        baseline_encoder: the anchor: an encoder, or `encoder:preset`; None for the first row's.
        interpolation: of the Bjontegaard deltas.
        allow_mixed: compare rows of several models and tool versions all the same.
        report: an HTML file to write.

    Raises:
        UsageError: the rows cannot be compared so, or a word is wrong.
        Unreadable, StoreCorrupt, SchemaTooNew: the corpus cannot be read.
        OutputError: the report cannot be written.
    """
    page = prepare_report(report, [from_corpus])
    rows = at_display(latest(read_corpus(Path(from_corpus))), display)
    if not rows:
        raise UsageError(f"{from_corpus} holds no row", hint="fill it with `vmaf-tune corpus`")
    scale, value = scale_of(rows, target, target_vmaf, (metric, statistic), model)
    found = compare_rows(
        rows, scale, value,
        anchor=baseline_encoder, interpolation=interpolation, allow_mixed=allow_mixed,
    )  # fmt: skip
    if page is not None:
        write_report(page, comparison_report(found, commands=commands_of(rows), stored=True))
    return found


def compare_rows(
    rows: Sequence[CorpusRow],
    scale: Target,
    target: float | None,
    *,
    anchor: str | None = None,
    interpolation: Literal["pchip", "akima"] = "pchip",
    allow_mixed: bool = False,
) -> Comparison:
    """Compare rows on one scale.

    Raises:
        UsageError: they were made with several models or versions, or cannot be compared.
    """
    differing = mixed(rows, scale)
    if differing and not allow_mixed:
        raise UsageError(
            f"the rows were made with several {'; several '.join(differing)}",
            hint="name one --model, measure again, or compare all the same with --allow-mixed",
        )
    models = sorted({row.vmaf_model for row in rows if row.vmaf_model})
    name = scale.model or (
        models[0] if scale.metric == "vmaf" and len(models) == 1 else scale.metric
    )
    return compare(
        curves_of(rows, scale),
        metric=f"{name} {scale.statistic}",
        anchor=anchor,
        target=target,
        interpolation=interpolation,
        versions=versions_of(rows),
        notes=[f"The rows were made with several {each}." for each in differing],
    )


def scale_of(
    rows: Sequence[CorpusRow],
    target: str | None,
    target_vmaf: float | None,
    named: tuple[str, str],
    model: str | None,
) -> tuple[Target, float | None]:
    """The scale of a comparison, and the score to compare bitrates at.

    Args:
        named: metric and statistic, where no target says them.

    Raises:
        UsageError: a word is wrong, or two contradict each other; no row has the model.
    """
    scale = named_scale(target, target_vmaf, named)
    if model is not None:
        known = {row.vmaf_model for row in rows} | {m for row in rows for m in row.scores or {}}
        if model not in known:
            there = ", ".join(sorted(name for name in known if name))
            raise UsageError(f"no row has a score of --model {model}", hint=f"there are: {there}")
        scale = replace(scale, model=model)
    wanted = None if target is None and target_vmaf is None else scale.value
    return scale, wanted


def named_scale(target: str | None, target_vmaf: float | None, named: tuple[str, str]) -> Target:
    """The scale that the words name, before there is any row.

    Raises:
        UsageError: a word is wrong, two contradict each other, or lower is better.
    """
    if target is not None and target_vmaf is not None:
        raise UsageError("--target and --target-vmaf say the same thing", hint="give one of them")
    if target is not None and named != ("vmaf", "mean"):
        raise UsageError(
            "--target names metric and statistic itself",
            hint="write --target vmaf:p5>=90, without --metric and --statistic",
        )
    if target_vmaf is not None and named[0] != "vmaf":
        raise UsageError(
            f"--target-vmaf is no score of {named[0]}", hint="write --target xpsnr>=42"
        )
    metric, statistic = named
    known = METRICS.get(metric.lower())
    relation = "<=" if known and not known.higher_is_better else ">="
    if target is None:
        _check_word("--metric", metric, f"{metric}{relation}0")
        _check_word("--statistic", statistic, f"vmaf:{statistic}>=0")
    scale = parse_target(target or f"{metric}:{statistic}{relation}{target_vmaf or 0.0!r}")
    if not METRICS[scale.metric].higher_is_better:
        raise UsageError(
            f"curves of {scale.metric} cannot be compared: lower is better for it",
            hint="name a metric for which higher is better",
        )
    held = statistics_of(scale.metric)
    if scale.statistic not in held:
        raise UsageError(
            f"curves of {scale.metric} {scale.statistic} cannot be compared: rows do not hold it",
            hint=f"they hold {', '.join(held)}",
        )
    return scale


def _check_word(flag: str, word: str, target: str) -> None:
    try:
        parse_target(target)
    except UsageError as error:
        raise UsageError(
            f"{flag} {word!r}: there is no such {flag[2:]}", hint=error.hint
        ) from error


def comparison_text(found: Comparison, form: Form = "markdown") -> str:
    """A comparison as Markdown, as one CSV of all its tables, or as one JSON object."""
    if form == "json":
        return json.dumps(comparison_record(found), allow_nan=False) + "\n"
    data = comparison_report(found)
    return to_csv(data) if form == "csv" else to_markdown(data)
