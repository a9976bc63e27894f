"""Rate-quality curves from the rows of a corpus, one for each source, encoder and preset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from vmafkit.decide.from_rows import score_of
from vmafkit.decide.target import METRICS, Target
from vmafkit.errors import UsageError
from vmafkit.schema.corpus import CorpusRow

_TOOLS = ("ffmpeg_version", "libvmaf_version", "vmaf_binary_version")


@dataclass(frozen=True, slots=True)
class Measured:
    """One measured setting.

    Attributes:
        value: of the encoder's quality knob.
        bitrate_kbps: of the video packets; above 0.
        score: higher is better.
        frames: that were encoded; None where the row does not say.
        encode_s: wall seconds of the encode; None where the row does not say.
    """

    value: float
    bitrate_kbps: float
    score: float
    frames: int | None = None
    encode_s: float | None = None

    @property
    def frames_per_s(self) -> float | None:
        """Encode speed."""
        return self.frames / self.encode_s if self.frames and self.encode_s else None


@dataclass(frozen=True, slots=True)
class Curve:
    """The measured settings of one source, encoder and preset.

    Attributes:
        source: a name that is unique within a comparison.
        name: encoder, preset and further arguments.
        knob: the encoder's own name for its quality value.
        points: by rising bitrate.
    """

    source: str
    name: str
    encoder: str
    knob: str
    points: tuple[Measured, ...]

    @property
    def frames_per_s(self) -> float | None:
        """Encode speed: all frames over all seconds, of the settings that say both."""
        timed = [(p.frames, p.encode_s) for p in self.points if p.frames and p.encode_s]
        seconds = sum(encode_s or 0.0 for _, encode_s in timed)
        return sum(frames or 0 for frames, _ in timed) / seconds if seconds else None


def curves_of(rows: Sequence[CorpusRow], scale: Target) -> list[Curve]:
    """The curves in the order of the rows; the newest row counts where a setting has several.

    Args:
        scale: metric, statistic and model of the scores; its value plays no part.

    Raises:
        UsageError: lower is better for the metric, no row has its score, or one source was
            scored at several sizes.
    """
    if not METRICS[scale.metric].higher_is_better:
        raise UsageError(f"curves of {scale.metric} cannot be compared: lower is better for it")
    labels = _source_labels(rows)
    groups: dict[tuple[str, str], dict[float, Measured]] = {}
    facts: dict[tuple[str, str], CorpusRow] = {}
    displays: dict[str, set[str]] = {}
    for row in rows:
        point = _measured(row, scale)
        if point is None:
            continue
        key = (labels[_source_key(row)], _name(row))
        groups.setdefault(key, {})[row.crf] = point
        facts.setdefault(key, row)
        displays.setdefault(key[0], set()).add(_display(row))
    for source, sizes in displays.items():
        if len(sizes) > 1:
            raise UsageError(
                f"{source} was scored at {', '.join(sorted(sizes))}",
                hint="scores at different sizes cannot be compared; name one with --display",
            )
    if not groups:
        raise UsageError(
            f"no row has a score of {scale.model or scale.metric} {scale.statistic} and a bitrate",
            hint="measure it with `vmaf-tune corpus`, with --model or --feature",
        )
    return [
        Curve(
            source=key[0],
            name=key[1],
            encoder=facts[key].encoder,
            knob=facts[key].quality_knob or "crf",
            points=tuple(sorted(points.values(), key=lambda p: (p.bitrate_kbps, p.score))),
        )
        for key, points in groups.items()
    ]


def mixed(rows: Sequence[CorpusRow], scale: Target) -> list[str]:
    """What differs between the rows that makes their scores incomparable; empty when nothing."""
    whole = [row for row in rows if row.exit_status == 0]
    found: list[str] = []
    if scale.metric == "vmaf" and scale.model is None:
        _add(found, "models", {row.vmaf_model for row in whole})
    for column in _TOOLS:
        _add(found, column.replace("_", " ") + "s", {getattr(row, column) for row in whole})
    for encoder in dict.fromkeys(row.encoder for row in whole):
        versions = {row.encoder_version for row in whole if row.encoder == encoder}
        _add(found, f"versions of {encoder}", versions)
    return found


def versions_of(rows: Sequence[CorpusRow]) -> list[tuple[str, str]]:
    """What made the rows: tools, models and encoders with their versions."""
    found: dict[tuple[str, str], None] = {}
    for row in rows:
        for name, value in (
            ("vmafkit", row.tool_version),
            ("ffmpeg", row.ffmpeg_version),
            ("libvmaf", row.libvmaf_version),
            ("vmaf tool", row.vmaf_binary_version),
            ("score_backend", row.score_backend),
            ("model", row.vmaf_model),
            (row.encoder, row.encoder_version),
        ):
            if value:
                found[name, value] = None
    return sorted(found)


def at_display(rows: Sequence[CorpusRow], display: tuple[int, int] | None) -> list[CorpusRow]:
    """The rows that were scored at a size; all without one.

    Raises:
        UsageError: there are none.
    """
    if display is None:
        return list(rows)
    wanted = f"{display[0]}x{display[1]}"
    found = [row for row in rows if _display(row) == wanted]
    if not found:
        known = ", ".join(sorted({_display(row) for row in rows}))
        raise UsageError(f"no row was scored at --display {wanted}", hint=f"there are: {known}")
    return found


def _measured(row: CorpusRow, scale: Target) -> Measured | None:
    score = score_of(row, scale) if row.exit_status == 0 else None
    if score is None or not row.bitrate_kbps or row.bitrate_kbps <= 0:
        return None
    frames = row.source_frame_count or round(row.duration_s * row.framerate) or None
    encode_s = row.encode_time_ms / 1000 if row.encode_time_ms else None
    return Measured(row.crf, row.bitrate_kbps, score, frames, encode_s)


def _add(found: list[str], what: str, values: set[str | None]) -> None:
    known = sorted(value for value in values if value)
    if len(known) > 1:
        found.append(f"{what} {', '.join(known)}")


def _name(row: CorpusRow) -> str:
    return " ".join(word for word in (row.encoder, row.preset, *row.extra_params) if word)


def _display(row: CorpusRow) -> str:
    return f"{row.display_width or row.width}x{row.display_height or row.height}"


def _source_key(row: CorpusRow) -> tuple[str, str]:
    return row.src_sha256 or row.src, row.window or "full"


def _source_labels(rows: Sequence[CorpusRow]) -> dict[tuple[str, str], str]:
    """A name for each source and window, told apart where two have the same."""
    labels: dict[tuple[str, str], str] = {}
    for row in rows:
        key = _source_key(row)
        name = PurePath(row.src).name or row.src
        name = name if key[1] == "full" else f"{name} frames {key[1]}"
        if key not in labels:
            taken = name in labels.values()
            labels[key] = f"{name} ({key[0][:8]})" if taken else name
    return labels
