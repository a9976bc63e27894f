"""A flag and the keyword of the function behind it: same name, same default, same value.

Verbs are found in the programs themselves. Each is run with the function behind it replaced by
one that notes what it was given, so the check is of what arrives, not of what is written.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from vmafkit import api
from vmafkit.cli import programs, vmaf

PROGRAMS = programs.apps()

# Verbs whose function has a longer name, since one library holds the functions of all programs.
FUNCTIONS = {
    "vmaf-train compare": "compare_models",
    "vmaf-train eval": "evaluate",
    "vmaf-train export": "export_model",
    "vmaf-train fetch": "fetch_dataset",
    "vmaf-train profile": "profile_model",
    "vmaf-train register": "register_model",
}

# Flags whose keyword has another name: the unit goes into a keyword, not into a flag.
ALIASES = {
    "timeout": "timeout_s",
    "min_shot": "min_shot_s",
    "max_shot": "max_shot_s",
    "sample_duration": "sample_duration_s",
    "segment_duration": "segment_duration_s",
    "corpus_file": "corpus_file",
    "output_file": "output",
    "source": "sources",
    "frame_cnt": "frame_count",
    "frame_skip_ref": "skip_reference",
    "frame_skip_dist": "skip_distorted",
    "model": ("model", "models"),
    "feature": ("feature", "features"),
    "no_prediction": "predict",
    "pixel_format": "pix_fmt",
    "bitdepth": "pix_fmt",
    "pool": "statistic",
    "form": "output_format",
    "folds": "folds_count",
    "group": "groups",
    "id": "model_id",
    "iters": "iterations",
    "list": "file_list",
    "registry": "registry_file",
}
# What only the command line has: how to show it, and what is taken for old scripts' sake.
FACE_ONLY = {
    "cluster", "mixed_versions", "max_memory", "nice", "json", "quiet", "dry_run", "format", "help",
    "version", "cpumask", "gpumask", "aom_ctc", "nflx_ctc", "out_fmt", "print_result",
    "suppress_plot",
}  # fmt: skip
# What only Python can give.
API_ONLY = {"argv", "cancel", "entrypoint", "on_event", "on_progress", "on_finding", "plan"}
# Verbs that need no library: they speak of the program itself.
WITHOUT_API = {"vmafkit version", "vmafkit schema", "vmafkit docs"}
# Words that the command line turns into values.
WORDS = {
    "display": "64x48", "crf": "23", "framerate": "30000/1001", "target": "91",
    "seeds": "4,5", "rows": "7", "group": "0,1",
}  # fmt: skip


class Noted(Exception):
    """Raised by the stand-in once it knows its arguments."""


def _verbs() -> Iterator[tuple[str, str, Any]]:
    for program, app in PROGRAMS.items():
        group = typer.main.get_command(app)
        for name, command in group.commands.items():  # pyright: ignore
            is_group = hasattr(command, "commands")
            if f"{program} {name}" not in WITHOUT_API and not is_group:
                yield program, name, command


VERBS = list(_verbs())
IDS = [f"{program} {name}" for program, name, _ in VERBS]


def _functions(program: str, verb: str) -> list[str]:
    """`corpus` stands on plan_corpus() and corpus()."""
    name = FUNCTIONS.get(f"{program} {verb}", verb.replace("-", "_"))
    return [each for each in (f"plan_{name}", name) if each in api.__all__]


def _keywords(program: str, verb: str) -> dict[str, inspect.Parameter]:
    found: dict[str, inspect.Parameter] = {}
    for name in _functions(program, verb):
        found |= inspect.signature(getattr(api, name)).parameters
    return {name: each for name, each in found.items() if name not in API_ONLY}


def _option(param: Any) -> str:
    """The flag itself: the first long name, before its aliases."""
    return next((each for each in param.opts if each.startswith("--")), param.opts[0])


def _flag(param: Any) -> str:
    return _option(param).lstrip("-").replace("-", "_")


def _kind(program: str, verb: str, name: str) -> Any:
    """The type a verb's parameter is annotated with."""
    group = PROGRAMS[program].registered_commands
    function = next(c.callback for c in group if c.callback and c.name == verb)
    return typing.get_type_hints(function)[name]


def _keyword(flag: str, keywords: dict[str, Any]) -> str | None:
    named = ALIASES.get(flag, flag)
    for each in (flag, *((named,) if isinstance(named, str) else named)):
        if each in keywords:
            return each
    return None


def _plain(value: Any) -> Any:
    """Values that mean the same compare equal: nothing given, a list or a tuple, a path's text."""
    if value is None or value in ((), [], ""):
        return None
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)  # pyright: ignore
    return str(value) if isinstance(value, Path) else value


def _seen(
    names: list[str], run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What functions of the library are given."""
    given: dict[str, Any] = {}

    def stand_in(name: str) -> Callable[..., Any]:
        signature = inspect.signature(getattr(api, name))

        def note(*args: Any, **kwargs: Any) -> Any:
            given.update(signature.bind(*args, **kwargs).arguments)
            if name == names[-1]:
                raise Noted
            return object()

        return note

    for name in names:
        monkeypatch.setattr(api, name, stand_in(name))
    with pytest.raises(Noted):
        run()
    return given


def _sample(program: str, verb: str, param: Any) -> tuple[list[str], Any]:
    """Words for one flag, and the value that should arrive (... where it is parsed further)."""
    flag, option = _flag(param), _option(param)
    if getattr(param, "is_flag", False):
        other = param.secondary_opts if param.default else []
        return [*other[-1:]] or [option], not param.default
    kind = _kind(program, verb, param.name)
    if flag in WORDS:
        return [option, WORDS[flag]], ...
    if choices := [word for word in _parts(kind) if isinstance(word, str)]:
        return [option, choices[-1]], choices[-1]
    if values := [
        each for each in _parts(kind) if isinstance(each, type) and issubclass(each, Enum)
    ]:
        return [option, str(list(values[0])[-1].value)], ...
    for number in (int, float):
        if number in _parts(kind):
            return [option, "7"], number(7)
    return [option, "word"], "word"


def _parts(kind: Any) -> set[Any]:
    """Every type and every literal within an annotation."""
    inner = typing.get_args(kind)
    return {kind}.union(*map(_parts, inner)) if inner else {kind}


def _required(program: str, verb: str, command: Any, leave_out: str = "") -> list[str]:
    words: list[str] = []
    for param in command.params:
        if param.param_type_name == "argument" and (param.required or param.nargs == -1):
            is_number = int in _parts(_kind(program, verb, param.name))
            words.append("7" if is_number else f"{param.name}.jsonl")
        elif param.required and param.name != leave_out:
            words += _sample(program, verb, param)[0]
    return words


@pytest.mark.parametrize(("program", "verb", "command"), VERBS, ids=IDS)
def test_a_verb_and_its_function_take_the_same_names(program: str, verb: str, command: Any) -> None:
    assert _functions(program, verb), (
        f"vmafkit.api has no {verb}; say in WITHOUT_API that it needs none"
    )
    keywords = _keywords(program, verb)
    reached = {flag: _keyword(flag, keywords) for flag in map(_flag, command.params)}
    assert [flag for flag, key in reached.items() if key is None and flag not in FACE_ONLY] == []
    assert sorted(set(keywords) - set(reached.values())) == [], f"{program} {verb} lacks flags"


@pytest.mark.parametrize(("program", "verb", "command"), VERBS, ids=IDS)
def test_a_verb_and_its_function_have_the_same_defaults(
    program: str, verb: str, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keywords = _keywords(program, verb)
    words = _required(program, verb, command)
    given = _seen(
        _functions(program, verb),
        lambda: command.main([*words], prog_name=program, standalone_mode=False),
        monkeypatch,
    )
    for name, value in given.items():
        default = keywords[name].default if name in keywords else inspect.Parameter.empty
        if default is not inspect.Parameter.empty:
            assert _plain(value) == _plain(default), f"--{name} of {program} {verb}"


def _options() -> Iterator[Any]:
    for program, verb, command in VERBS:
        for param in command.params:
            if param.param_type_name == "option" and _flag(param) not in FACE_ONLY:
                yield pytest.param(
                    program, verb, command, param, id=f"{program} {verb} {_flag(param)}"
                )


@pytest.mark.parametrize(("program", "verb", "command", "param"), list(_options()))
def test_what_a_flag_says_arrives_under_its_keyword(
    program: str, verb: str, command: Any, param: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyword = _keyword(_flag(param), _keywords(program, verb))
    assert keyword is not None
    default = _keywords(program, verb)[keyword].default
    words, value = _sample(program, verb, param)
    words = [*_required(program, verb, command, leave_out=param.name), *words]
    given = _seen(
        _functions(program, verb),
        lambda: command.main(words, prog_name="x", standalone_mode=False),
        monkeypatch,
    )
    arrived = given[keyword]
    if value is ...:
        assert _plain(arrived) != _plain(default)
    elif isinstance(arrived, list | tuple):
        assert value in arrived
    else:
        assert _plain(arrived) == value


def test_the_vmaf_command_gives_score_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = inspect.signature(api.score).parameters
    given = _seen(["score"], lambda: vmaf._run(["-r", "a.mkv", "-d", "b.mkv"]), monkeypatch)
    assert set(given) >= set(signature) - API_ONLY
    for name, value in given.items():
        if name not in API_ONLY and signature[name].default is not inspect.Parameter.empty:
            assert _plain(value) == _plain(signature[name].default), name


VMAF_WORDS: dict[str, tuple[list[str], Any]] = {
    "width": (["-w", "64"], 64),
    "height": (["-h", "48"], 48),
    "pixel_format": (["-p", "422", "-b", "10"], "yuv422p10le"),
    "bitdepth": (["-b", "8", "-p", "444"], "yuv444p"),
    "form": (["--csv", "-o", "log"], "csv"),
    "no_prediction": (["-n"], False),
    "display": (["--display", "64x48"], (64, 48)),
    "model": (["-m", "version=vmaf_v0.6.1neg"], ["version=vmaf_v0.6.1neg"]),
    "feature": (["--feature", "psnr"], ["psnr"]),
    "pool": (["--pool", "min"], "min"),
    "allow_hdr": (["--allow-hdr"], True),
    "timeout": (["--timeout", "7"], 7.0),
    "output": (["-o", "log.sub"], "log.sub"),
}


@pytest.mark.parametrize(
    "dest", sorted({action.dest for action in vmaf.parser()._actions} - FACE_ONLY)
)
def test_a_flag_of_vmaf_arrives_under_its_keyword(
    dest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyword = _keyword(dest, dict(inspect.signature(api.score).parameters))
    assert keyword is not None, f"--{dest} reaches no keyword of score()"
    action = next(each for each in vmaf.parser()._actions if each.dest == dest)
    number = getattr(action.type, "__name__", "") in ("int", "_precision")
    words, value = VMAF_WORDS.get(
        dest, ([action.option_strings[-1], "3" if number else "word"], 3 if number else "word")
    )
    base = ["-r", "a.mkv", "-d", "b.mkv"]
    given = _seen(["score"], lambda: vmaf._run([*base, *words]), monkeypatch)
    assert given[keyword] == value


def _doctor_renamed(*, ffmpeg: str | None = None) -> None:
    del ffmpeg


def _doctor_with_another_default(*, ffmpeg_bin: str | None = "ffmpeg") -> None:
    del ffmpeg_bin


def test_another_name_and_another_default_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    program, verb, command = next(each for each in VERBS if each[1] == "doctor")
    monkeypatch.setattr(api, "doctor", _doctor_renamed)
    with pytest.raises(AssertionError):
        test_a_verb_and_its_function_take_the_same_names(program, verb, command)
    monkeypatch.setattr(api, "doctor", _doctor_with_another_default)
    with pytest.raises(AssertionError):
        test_a_verb_and_its_function_have_the_same_defaults(program, verb, command, monkeypatch)
