"""How results of the harness are shown as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from vmafkit.cli import output
from vmafkit.errors import UsageError

_FIGURES = ("srocc", "plcc", "krocc", "rmse")


def number(value: float | None, digits: int = 4) -> str:
    """A number, or what stands for none."""
    return "not defined" if value is None else f"{value:.{digits}f}"


def figures(report: Mapping[str, Any], program: str = "vmaf-harness") -> None:
    """Print the figures of a test, a training or a cross-validation."""
    output.result(
        f"{report['metric']} on {report['dataset']}: n {report['n']}, "
        f"opinion scores: {report['subjective_model']}"
    )
    for part, title in (("raw", "raw"), ("mapped", "after the logistic mapping")):
        if report[part]:
            values = ", ".join(f"{n.upper()} {number(report[part][n])}" for n in _FIGURES)
            output.result(f"{title}: {values}")
    spans = [
        f"{name.upper()} [{number(span[0])}, {number(span[1])}]"
        for name, span in report["intervals_95"].items()
    ]
    if spans:
        output.result(f"95 % intervals, raw: {', '.join(spans)}")
    if report["pairs"]:
        pairs = report["pairs"]
        output.result(
            f"outlier ratio {number(report['outlier_ratio'])}, AUC different/similar "
            f"{number(pairs['auc_ds'])}, AUC better/worse {number(pairs['auc_bw'])}, "
            f"resolving power {number(report['resolving_power'])}"
        )
    for note in report["notes"]:
        output.note(f"{program}: {note}")
    for each in report.get("failed", ()):
        output.note(f"{program}: asset {each['asset']} failed: {each['cause']}")


def assets(report: Mapping[str, Any]) -> None:
    """Print the score of every asset beside what people said."""
    for each in report["assets"]:
        output.result(
            f"asset {each['asset']} of content {each['content']}: {number(each['score'])}, "
            f"people {number(each['truth'])}"
        )


def pair(report: Mapping[str, Any], out_fmt: str) -> None:
    """Print one pair's scores. Raises: UsageError for an unknown format."""
    if out_fmt == "json":
        output.json_line(report)
    elif out_fmt == "xml":
        output.result(_xml(report))
    elif out_fmt == "text":
        names = list(report["frames"])
        for index in range(len(report["frames"][names[0]])):
            values = ", ".join(
                f"{name}: {number(report['frames'][name][index], 6)}" for name in names
            )
            output.result(f"Frame {index}: {values}")
        for name, value in report["aggregate"].items():
            output.result(f"Aggregate ({report['statistic']}) {name}: {number(value, 6)}")
        if "explanation" in report:
            _explanation(report["explanation"])
    else:
        raise UsageError(f"--out-fmt {out_fmt} is not known", hint="text, json or xml")


def _explanation(found: Mapping[str, Any]) -> None:
    short = [name.split("_feature_")[-1].removesuffix("_score") for name in found["features"]]
    width = max(11, *map(len, short))
    rows = [("frame", ["base", *short, "score"])]
    for index, (parts, score) in enumerate(zip(found["frames"], found["scores"], strict=True)):
        values = [f"{found['base']:.3f}", *(f"{part:+.3f}" for part in parts), f"{score:.3f}"]
        rows.append((str(index), values))
    means = [f"{part:+.3f}" for part in found["clip"].values()]
    total = found["base"] + sum(found["clip"].values())
    rows.append(("clip", [f"{found['base']:.3f}", *means, f"{total:.3f}"]))
    for name, values in rows:
        output.result(f"{name:>6} {' '.join(f'{value:>{width}}' for value in values)}")


def _xml(report: Mapping[str, Any]) -> str:
    names = list(report["frames"])
    lines = [f"<result executorId={quoteattr(str(report['metric']))}>", "  <frames>"]
    for index in range(len(report["frames"][names[0]])):
        values = " ".join(
            f"{name}={quoteattr(str(report['frames'][name][index]))}" for name in names
        )
        lines.append(f'    <frame frameNum="{index}" {values} />')
    totals = " ".join(f"{n}={quoteattr(str(v))}" for n, v in report["aggregate"].items())
    method = quoteattr(str(report["statistic"]))
    lines += ["  </frames>", f"  <aggregate method={method} {totals} />", "</result>"]
    return "\n".join(lines)
