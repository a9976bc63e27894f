"""What each tool calls: one function of the library, by the tool's own words.

This runs in a job's own process, and knows nothing of the protocol.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmafkit import api, fsio
from vmafkit.errors import VmafkitError
from vmafkit.execute.events import Event
from vmafkit.mcp import summaries, wording
from vmafkit.version import __version__

if TYPE_CHECKING:
    from vmafkit.api._worst_frames import WorstFrames
    from vmafkit.scoring.score import Score

Words = dict[str, Any]
_OF_PAIRS = ("width", "height", "pix_fmt", "framerate")
MOST_PICTURE_BYTES = 768 * 1024
"""Of all pictures of an answer; as base64 they are 1 MiB."""


@dataclass
class Watch:
    """How a call is followed and stopped.

    Attributes:
        tell: called with (done, total, note); total is 0 where nobody knows.
        cancel: stops the work when it is set.
    """

    tell: Callable[[float, float, str], None]
    cancel: threading.Event = field(default_factory=threading.Event)
    _steps: int = 0

    def count(self, unit: str) -> Callable[[int, int], None]:
        """Takes (done, total) of a unit."""
        return lambda done, total: self.tell(done, total, unit)

    def event(self, event: Event) -> None:
        """Takes the events of a verb."""
        names = ("encoder", "preset", "quality", "rendition", "cell_index", "shots")
        words = [f"{name} {event.payload[name]}" for name in names if name in event.payload]
        self._steps += event.type.endswith("-finished")
        self.tell(self._steps, 0, summaries.text_of(" ".join([event.type, *words]), 200))

    @property
    def verb(self) -> Words:
        """What the verbs take that report events."""
        return {"cancel": self.cancel, "on_event": self.event}


@dataclass(frozen=True, slots=True)
class Found:
    """What a call gave.

    Attributes:
        record: JSON-ready, after `summaries.plain`.
        frames: columns of a per-frame table.
        pictures: captions and PNG bytes.
    """

    record: Mapping[str, Any]
    frames: Mapping[str, list[Any]] | None = None
    pictures: tuple[tuple[str, bytes], ...] = ()


def _score(words: Words, watch: Watch) -> Found:
    done = watch.count("frames scored")
    found = api.score(**_sized(words), cancel=watch.cancel, on_progress=done)
    return _scored(found, words, api.worst_of(found))


def _worst_frames(words: Words, watch: Watch) -> Found:
    done = watch.count("frames scored")
    found = api.worst_frames(
        **_sized(words), most_picture_bytes=MOST_PICTURE_BYTES,
        cancel=watch.cancel, on_progress=done,
    )  # fmt: skip
    scored = _scored(found.score, words, {each.frame: each.score for each in found.frames})
    shown: list[tuple[str, bytes]] = []
    room, pairs = MOST_PICTURE_BYTES, 0
    for each in found.frames:
        room -= len(each.reference) + len(each.distorted)
        if room < 0:
            break
        pairs += 1
        shown += [
            (f"frame {each.frame}, reference", each.reference),
            (f"frame {each.frame}, distorted", each.distorted),
        ]
    told = _pictures(words, found, pairs)
    return Found({**scored.record, "pictures": told}, scored.frames, tuple(shown))


def _pictures(words: Words, found: WorstFrames, pairs: int) -> Words:
    """What is shown, and why it is not all that was asked for."""
    wanted, count, width_px = words["count"], len(found.frames), found.picture_width_px
    asked_px = min(words["picture_width_px"], found.score.display[0])
    room = f"the {MOST_PICTURE_BYTES // 1024} KiB that pictures may have together"
    notes: list[str] = []
    if count < wanted:
        notes.append(f"no more than {count} frames lie {words['apart']} apart")
    if width_px < asked_px:
        notes.append(f"made narrower than {asked_px} px to fit into {room}")
    if pairs < count:
        notes.append(f"the last {count - pairs} pairs are left out, which do not fit into {room}")
    return {"pairs": pairs, "pairs_asked": wanted, "width_px": width_px, "notes": notes}


def _scored(found: Score, words: Words, worst: Mapping[int, float]) -> Found:
    record = api.score_record(found, words["reference"], words["distorted"])
    column = found.model_id or next(iter(found.columns))
    record["scored_by"] = scored_by(
        record["model"], record["statistic"], record["versions"], record["backend"]
    )
    record["worst"] = [{"frame": frame, column: score} for frame, score in worst.items()]
    # What a model computes on its way is in the frames for those who want it.
    heads = (*(model.id for model in found.models), *(tiny.id for tiny in found.tiny))
    record["pooled"] = {
        name: values
        for name, values in found.summary.items()
        if name in found.feature_columns or name.startswith(heads)
    } or found.summary
    columns = {name: [float(v) for v in values] for name, values in found.columns.items()}
    return Found(record, {"frame": [int(n) for n in found.frame_numbers], **columns})


def _recommend(words: Words, watch: Watch) -> Found:
    record = api.recommend(**words, **watch.verb).record()
    by = scored_by(record["model"], _pooling(record["targets"]), record["versions"])
    return Found({"scored_by": by, **record})


def _auto(words: Words, watch: Watch) -> Found:
    found = api.auto(**words, **watch.verb)
    rows = [row.model_dump(mode="json") for row in found.results]
    met = found.met if words["execute"] else None
    plan = found.plan.record()
    about = plan["metadata"]
    versions = about["versions"] | ({"libvmaf": rows[0]["libvmaf_version"]} if rows else {})
    backend = next((row["score_backend"] for row in rows if row["score_backend"]), None)
    by = scored_by(about["model"], _pooling(about["targets"]), versions, backend)
    return Found({"type": "auto", "scored_by": by, "met": met, "plan": plan, "results": rows})


def _ladder(words: Words, watch: Watch) -> Found:
    record = api.ladder(**_sized(words), **watch.verb).record()
    by = scored_by(record["vmaf_model"], "mean", record["versions"])
    return Found({"scored_by": by, **record})


def _tune_per_shot(words: Words, watch: Watch) -> Found:
    record = api.tune_per_shot(**words, **watch.verb).record()
    by = scored_by(record["model"], "mean", record["versions"])
    return Found({"scored_by": by, **record})


def _compare(words: Words, watch: Watch) -> Found:
    from vmafkit.report.comparison import comparison_record

    record = comparison_record(api.compare(**_sized(words), **watch.verb))
    model, _, statistic = str(record["metric"]).rpartition(" ")
    backends = [value for name, value in record["versions"] if name == "score_backend"]
    by = scored_by(model, statistic, dict(record["versions"]), ", ".join(backends) or None)
    return Found({"scored_by": by, **record})


def _plan(words: Words, watch: Watch) -> Found:
    return Found(api.plan(**_sized(words), cancel=watch.cancel))


def _probe(words: Words, watch: Watch) -> Found:
    found = api.probe(**words)
    return Found({**found, "tags": summaries.quoted(found["tags"])})


def _query_corpus(words: Words, watch: Watch) -> Found:
    return Found(api.query_corpus(**words))


def _doctor(words: Words, watch: Watch) -> Found:
    count = 0

    def note(finding: Any) -> None:
        nonlocal count
        count += 1
        watch.tell(count, 0, f"{finding.kind} {finding.name}")

    found = api.doctor(**words, on_finding=note)
    findings = [asdict(each) for each in found.findings]
    return Found({"type": "doctor", "can_work": found.can_work, "findings": findings})


def _describe_model(words: Words, watch: Watch) -> Found:
    return Found(api.describe_model(**words))


def _eval_model_on_split(words: Words, watch: Watch) -> Found:
    found = api.evaluate(**words)
    found.pop("run_provenance", None)
    return Found(found)


def _compare_models(words: Words, watch: Watch) -> Found:
    return Found(api.compare_models(**words))


def _extract_features(words: Words, watch: Watch) -> Found:
    target, listing = Path(words["output"]), words.pop("listing")
    table = target.with_name("pairs.csv")
    fsio.write_atomic(table, listing, user_output=True)
    found = api.extract_features(
        "generic", pairs=table, cache_beside=False, cancel=watch.cancel,
        on_progress=watch.count("pairs"), **words,
    )  # fmt: skip
    return Found({"type": "features", "rows": found.rows, "pairs": found.pairs,
                  "failed": found.failed, "skipped": found.skipped})  # fmt: skip


def scored_by(
    model: str | None, statistic: str, versions: Mapping[str, Any], backend: str | None = None
) -> dict[str, Any]:
    """What every score is told with: the model, the pooling over frames, what made it.

    Args:
        versions: those of the verb's record.
        backend: where they do not tell it: `engine`, `libvmaf` or `ffmpeg-libvmaf`.
    """
    named = {"vmafkit": __version__, **versions}
    told = named.pop("score_backend", None)
    made_by = backend or told
    return {
        "model": model,
        "statistic": statistic,
        "backend": made_by and made_by.removeprefix("ffmpeg-"),
        "versions": named,
    }


def _pooling(targets: Sequence[str]) -> str:
    """The statistic of the first target, such as p5 of `vmaf:p5>=90`."""
    found = re.match(r"[^<>=]*:([\w.]+)", targets[0]) if targets else None
    return found[1] if found else "mean"


def _sized(words: Words) -> Words:
    """The words with the display as a pair, which JSON does not know."""
    size = words.get("display")
    return words | {"display": (size[0], size[1])} if size else words


_CALLS: Mapping[str, Callable[[Words, Watch], Found]] = {
    "auto": _auto,
    "compare": _compare,
    "compare_models": _compare_models,
    "describe_model": _describe_model,
    "doctor": _doctor,
    "eval_model_on_split": _eval_model_on_split,
    "extract_features": _extract_features,
    "ladder": _ladder,
    "plan": _plan,
    "probe": _probe,
    "query_corpus": _query_corpus,
    "recommend": _recommend,
    "score": _score,
    "tune_per_shot": _tune_per_shot,
    "worst_frames": _worst_frames,
}


def call(tool: str, words: Words, watch: Watch) -> Found:
    """Call a tool's function.

    Raises:
        VmafkitError: as the function; its sentences name the tool's arguments, not flags.
    """
    named = {*words, *(_OF_PAIRS if "listing" in words else ())}
    try:
        return _CALLS[tool](words, watch)
    except VmafkitError as error:
        raise wording.respoken(error, named) from None


CALLS: Mapping[str, Callable[[Words, Watch], Found]] = {
    tool: partial(call, tool) for tool in _CALLS
}
