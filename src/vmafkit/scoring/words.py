"""The words in which models and features are asked for: ids, and libvmaf's own syntax.

What ends up in a filter graph is matched strictly here: option names and values of
letters, digits, `_`, `.` and `-` only. Names and paths never get there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vmafkit.errors import UsageError
from vmafkit.scoring.feature_options import check_model_option, check_option
from vmafkit.scoring.features import TABLE, Feature, feature_by_name
from vmafkit.scoring.vmaf_models import VmafModel, model_by_id, model_from_file

_KEY = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_MODEL_KEY = re.compile(r"[a-z0-9_]{1,64}\.[a-z0-9_]{1,64}", re.ASCII)
_VALUE = re.compile(r"-?[A-Za-z0-9_.]{1,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_PIECE = re.compile(r"(?:\\.|[^:\\])*", re.DOTALL)
_SWITCHES = {"": True, "true": True, "1": True, "false": False, "0": False}
_MODEL_HINT = "such as vmaf_v0.6.1, or version=vmaf_v0.6.1:name=mine, or path=FILE.json"
_FEATURE_HINT = "such as psnr, or name=psnr:enable_chroma=false"
_OTHER_COLUMNS = ("integer_", "VMAF_")


def parse_model(word: str) -> VmafModel:
    """A model from an id, an alias, or `version=..|path=..[:name=..][:option[=value]]..`.

    A `:` or a backslash inside a path is written with a backslash before it.

    Raises:
        UsageError: the word, the model or an option is not known.
        Unreadable: the model file is no model.
    """
    if "=" not in word and ":" not in word:
        return model_by_id(word)
    pairs = _pairs(word, "model")
    sources = [pair for pair in pairs if pair[0] in ("version", "path")]
    if len(sources) != 1:
        raise _bad("model", word, "names one version= or one path=", _MODEL_HINT)
    kind, value = sources[0]
    model = model_by_id(value) if kind == "version" else model_from_file(Path(value))
    for key, text in pairs:
        if key not in ("version", "path"):
            model = _with_option(model, key, text, word)
    return model


def _with_option(model: VmafModel, key: str, text: str, word: str) -> VmafModel:
    if key == "name":
        if not _NAME.fullmatch(text):
            raise _bad("model", word, f"has the name {text!r}", "letters, digits, _ . - only")
        return replace(model, name=text, id=text if model.path else model.id)
    if key in ("enable_transform", "disable_clip"):
        if text not in _SWITCHES:
            raise _bad("model", word, f"has {key}={text}", f"{key} is true or false")
        if not _SWITCHES[text]:
            return model
        if key == "enable_transform":
            return _phone(model)
        return replace(model, clip=False, id=f"{model.id}_disable_clip")
    if not _MODEL_KEY.fullmatch(key) or not _VALUE.fullmatch(text):
        raise _bad("model", word, f"has the option {key}={text}", "options are FEATURE.KEY=VALUE")
    check_model_option(model, key)
    options = (*model.options, (key, text))
    return replace(model, options=options, id=f"{model.id}_{key}_{text}")


def _phone(model: VmafModel) -> VmafModel:
    return model if model.phone else replace(model, phone=True, id=f"{model.id}_phone")


def parse_feature(word: str) -> Feature:
    """A feature from a name, `name=psnr:enable_chroma=false`, or `psnr=enable_chroma=false`.

    Raises:
        UsageError: the word, the feature or an option is not known.
    """
    if "=" not in word and ":" not in word:
        return feature_by_name(word)
    head, separator, rest = word.partition("=")
    if separator and head != "name" and "=" in rest:
        word = f"name={head}:{rest}"
    pairs = _pairs(word, "feature")
    names = [value for key, value in pairs if key == "name"]
    if len(names) != 1:
        raise _bad("feature", word, "has no single name=", _FEATURE_HINT)
    options = tuple(pair for pair in pairs if pair[0] != "name")
    for key, value in options:
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise _bad("feature", word, f"has the option {key}={value}", _FEATURE_HINT)
    if len({key for key, _ in options}) != len(options):
        raise _bad("feature", word, "gives an option twice", _FEATURE_HINT)
    feature = feature_by_name(names[0])
    for key, _ in options:
        check_option(feature, key)
    return replace(feature, options=options)


def _pairs(word: str, what: str) -> list[tuple[str, str]]:
    pieces: list[str] = []
    position = 0
    while position <= len(word):
        piece = _PIECE.match(word, position)
        if piece is None or (piece.end() < len(word) and word[piece.end()] != ":"):
            raise _bad(what, word, "ends in a backslash", "write \\\\ for one backslash")
        pieces.append(re.sub(r"\\(.)", r"\1", piece[0], flags=re.DOTALL))
        position = piece.end() + 1
    split = [piece.partition("=") for piece in pieces]
    return [(key, value) for key, _, value in split]


def _bad(what: str, word: str, reason: str, hint: str) -> UsageError:
    return UsageError(f"{what} {word!r} {reason}", hint=hint)


def ensure_distinct(models: Sequence[VmafModel], features: Sequence[Feature]) -> None:
    """Refuse a selection in which two results would have one name.

    Raises:
        UsageError: a model or a feature is there twice, or a name is taken.
    """
    columns = [model.name or model.id for model in models]
    for kind, names in (
        ("model", [model.id for model in models]),
        ("model name", columns),
        ("feature", [f"{f.name} {f.options}" for f in features]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"{kind} {twice[0]} is there twice", hint="name each one once")
    taken = {column for feature in TABLE.values() for column in feature.columns}
    for column in columns:
        if column in taken or column.startswith(_OTHER_COLUMNS):
            raise UsageError(f"the name {column} is that of a feature", hint="give another name=")
