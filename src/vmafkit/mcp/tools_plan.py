"""The tool `plan`: what a verb would run by its own words, and what it would cost."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from mcp_types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from vmafkit.errors import UsageError
from vmafkit.mcp import args, desk, results
from vmafkit.mcp.roots import CallFiles
from vmafkit.mcp.tools_title import Kbps, Sizes, TitleTools, ladder_words, per_shot_words
from vmafkit.mcp.tools_tune import TuneTools, auto_words, compare_words, recommend_words

Verb = Literal["recommend", "auto", "ladder", "tune_per_shot", "compare"]
Words = dict[str, Any]
_VERBS: Mapping[str, tuple[Callable[..., Any], Callable[[CallFiles, Words], Words]]] = {
    "recommend": (TuneTools.recommend, recommend_words),
    "auto": (TuneTools.auto, auto_words),
    "ladder": (TitleTools.ladder, ladder_words),
    "tune_per_shot": (TitleTools.tune_per_shot, per_shot_words),
    "compare": (TuneTools.compare, compare_words),
}
_NOT_OWN = ("self", "ctx", "background")
Target = args.Targets | Annotated[str, Field(max_length=80)]
Presets = args.Preset | Annotated[list[Annotated[str, Field(max_length=24)]], Field(max_length=8)]
Sources = Annotated[list[args.VideoPath], Field(min_length=1, max_length=16)]


class PlanTools:
    """The tool that encodes nothing."""

    def __init__(self, shared: desk.Desk) -> None:
        self._desk = shared

    async def plan(
        self,
        ctx: args.Ctx,
        verb: Verb,
        source: args.VideoPath | None = None,
        sources: Sources | None = None,
        target: Target | None = None,
        encoder: args.Encoder | args.Encoders | None = None,
        allow_codecs: args.Encoders | None = None,
        preset: Presets = None,
        mode: Literal["constant-slope", "constant-quality"] | None = None,
        worst: float | None = None,
        resolutions: Sizes | None = None,
        crf: args.Quality | None = None,
        crf_min: float | None = None,
        crf_max: float | None = None,
        probes: Annotated[int | None, Field(ge=2, le=12)] = None,
        quality_tiers: Annotated[int | None, Field(ge=1, le=16)] = None,
        min_kbps: Kbps = None,
        max_kbps: Kbps = None,
        max_quality: Annotated[float | None, Field(gt=0, le=110)] = None,
        max_bitrate: args.Amount = None,
        max_size: args.Amount = None,
        max_encoded_percent: args.Amount = None,
        tolerance: Annotated[float | None, Field(gt=0)] = None,
        metric: args.Statistic | None = None,
        model: args.Model = None,
        display: args.Display = None,
        samples: args.Samples = None,
        sample_duration_s: args.Seconds = None,
        full: args.Full | None = None,
        segment_duration_s: Annotated[float | None, Field(gt=0, le=60)] = None,
        format: list[Literal["hls", "dash"]] | None = None,
        execute: bool | None = None,
        from_corpus: args.FilePath | None = None,
        predict_only: bool | None = None,
        output: args.BareName = None,
        report: args.BareName = None,
        allow_hdr: bool | None = None,
        score_backend: args.ScoreBackend | None = None,
        width: args.Width = None,
        height: args.Height = None,
        pix_fmt: args.PixFmt = None,
        framerate: args.Framerate = None,
        background: args.Background = False,
    ) -> Annotated[CallToolResult, results.PlanAnswer]:
        """Say what a verb would run by its own words, and its cost; nothing is encoded."""
        given, files = desk.words_of(locals()), self._desk.files()
        del given["verb"]
        own = own_words(verb, {name: each for name, each in given.items() if each is not None})
        words = {"verb": verb, **_VERBS[verb][1](files, own)}
        return await self._desk.run(ctx, "plan", files, words, background=background)


def own_words(verb: Verb, given: Words) -> Words:
    """The words of a verb's own tool: those given, and its defaults.

    One word stands for a list of one, and a list of one for its word. `recommend` and `auto`
    need no target here.

    Raises:
        UsageError: the verb has no such word, or not that value.
    """
    fields = _model(verb).model_fields
    for name in given:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"plan: {verb} has no argument {name!r}",
                hint=f"{guess}it takes {', '.join(fields)}",
            )
    shaped = {name: _shaped(fields[name].annotation, each) for name, each in given.items()}
    try:
        return dict(_model(verb).model_validate(shaped))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"plan: {where}: {first['msg']}", hint=f"see the input schema of {verb}"
        ) from error


def _shaped(annotation: Any, value: Any) -> Any:
    """A value as the field has it: in a list, or out of one."""
    is_many = any(get_origin(each) is list for each in (annotation, *get_args(annotation)))
    if is_many and isinstance(value, str):
        return [value]
    if isinstance(value, list) and not is_many:
        items = cast("list[Any]", value)
        return items[0] if len(items) == 1 else items
    return cast("Any", value)


@cache
def _model(verb: Verb) -> type[BaseModel]:
    """The arguments of a verb's tool, with what they may be."""
    fields: dict[str, Any] = {}
    for name, each in inspect.signature(_VERBS[verb][0], eval_str=True).parameters.items():
        if name in _NOT_OWN:
            continue
        default = ... if each.default is inspect.Parameter.empty else each.default
        fields[name] = (each.annotation, [] if name == "target" and default is ... else default)
    config = ConfigDict(extra="forbid", protected_namespaces=())
    return create_model(f"{verb}_words", __config__=config, **fields)
