"""A plan and what was executed of it, for people."""

from __future__ import annotations

from vmafkit.api._auto import AutoRun
from vmafkit.schema.auto_plan import PlanCell, TuneResult


def auto_text(done: AutoRun) -> str:
    """The plan as a short table, the reason of the choice, and the measured rows."""
    metadata = done.plan.metadata
    lines = [f"{metadata.src}: {' and '.join(metadata.targets)}"]
    lines.append(f"  {'codec':<12} {'preset':<10} {'setting':>8} {'expected':>20} {'kbps':>18}")
    lines += [_cell(cell) for cell in done.plan.cells]
    lines += [f"left out {each['codec']}: {each['why']}" for each in metadata.skipped]
    lines.append(f"chosen: {metadata.winner.reason}")
    lines += [f"note: {note}" for note in metadata.notes]
    if not done.results:
        lines.append("nothing was encoded; --execute encodes and scores the chosen one")
    for row in done.results:
        lines += _result(row)
    if done.skipped:
        lines.append(f"{done.skipped} done before")
    return "\n".join(lines)


def _cell(cell: PlanCell) -> str:
    mark = "*" if cell.selected else " "
    setting = f"{cell.crf:g}"
    name = f"{mark} {cell.codec:<12} {cell.preset:<10} {setting:>8}"
    score, ends = cell.estimated_vmaf, cell.estimated_vmaf_interval
    kbps, span = cell.estimated_bitrate_kbps, cell.estimated_bitrate_interval
    if score is None or ends is None or kbps is None or span is None:
        return f"{name}  {cell.rung} lines: {cell.why}"
    expected = f"{score:.1f} ({ends[0]:.1f} to {ends[1]:.1f})"
    rate = f"{kbps:.0f} ({span[0]:.0f} to {span[1]:.0f})"
    return f"{name} {expected:>20} {rate:>18}"


def _result(row: TuneResult) -> list[str]:
    name = f"{row.codec} {row.preset} {row.crf:g}"
    if row.error is not None:
        return [f"{name}: failed: {row.error}"]
    scores = ", ".join(f"{score:.3f}" for score in row.scores)
    word = "met" if row.met else "NOT met"
    kbps = "" if row.bitrate_kbps is None else f", {row.bitrate_kbps:.0f} kbps"
    lines = [f"{name}: measured {scores}{kbps}, {word}; {row.reason}"]
    if row.encode_path is not None:
        lines.append(f"wrote {row.encode_path}, checked; {row.cpu_s:.1f} s of processor time")
    return lines
