"""Scores a tiny model beside libvmaf: its features are extracted in the same pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vmafkit.errors import ResultInvalid, UsageError
from vmafkit.models.loader import Model, open_model
from vmafkit.scoring.features import TABLE, Feature
from vmafkit.scoring.score import FloatArray, Score, ScoreRequest, TinyModel

Options = tuple[tuple[str, str], ...]

_TAKEN = ("vmaf", "frame", "frameNum")


@dataclass(frozen=True, slots=True)
class TinyScorer:
    """An open model, scored on the features that libvmaf computes."""

    model: Model

    def needed_features(self) -> tuple[Feature, ...]:
        """The extractors, with their options, that the model's features come from.

        Raises:
            UsageError: libvmaf does not compute one of them.
        """
        found: dict[tuple[str, Options], Feature] = {}
        for name in self.model.features:
            extractor = _extractor(name, self.model.id)
            options = _options(self.model, name)
            found[extractor.name, options] = replace(extractor, options=options)
        return tuple(found.values())

    def with_features(self, request: ScoreRequest) -> ScoreRequest:
        """The request, asking also for what the model needs.

        Raises:
            UsageError: the model's id is that of another result.
        """
        if any(self.model.id in (other.id, other.name) for other in request.models):
            raise UsageError(
                f"tiny model {self.model.id} has the name of a model",
                hint="give that model another name=",
            )
        more = [each for each in self.needed_features() if each not in request.features]
        return replace(request, features=(*request.features, *more))

    def with_scores(self, score: Score, asked: Iterable[Feature]) -> Score:
        """The score with the model's per-frame column, named by its id, at the end.

        Args:
            score: of a request made by `with_features`.
            asked: the features that the user asked for; the others are no results.

        Raises:
            ResultInvalid: a feature is missing from libvmaf's log, or a score is not finite.
        """
        model = self.model
        rows = [_column(score.columns, name, _options(model, name)) for name in model.features]
        values = model.run(np.stack(rows, axis=-1))
        if not np.isfinite(values).all():
            raise ResultInvalid(f"tiny model {model.id} gave a score that is not a finite number")
        used = TinyModel(model.id, model.sha256, model.device, model.notes)
        return replace(
            score,
            columns={**score.columns, model.id: values},
            features=tuple(asked),
            tiny=(*score.tiny, used),
        )


def open_tiny(path_or_id: str | Path, device: str) -> TinyScorer:
    """Open a model that can be scored beside libvmaf.

    Raises:
        UsageError: libvmaf does not compute one of its features, or its id is a column's name.
        ModelRefused, CapabilityMissing: as `models.loader.open_model`.
    """
    model = open_model(path_or_id, device=device)
    if model.card is not None and model.card.bit_depth > 8:
        raise UsageError(
            f"tiny model {model.id} takes features of {model.card.bit_depth}-bit video, "
            "which are not extracted here",
            hint="give it a table of features in Python, with vmafkit.models.loader",
        )
    columns = {column for feature in TABLE.values() for column in feature.columns}
    if model.id in columns or model.id in _TAKEN:
        raise UsageError(f"tiny model {model.id} has the name of a column", hint="give it another")
    scorer = TinyScorer(model)
    scorer.needed_features()
    return scorer


def _extractor(name: str, model_id: str) -> Feature:
    for column in (f"integer_{name}", name):
        for feature in TABLE.values():
            if column in feature.columns:
                return feature
    known = {column.removeprefix("integer_") for f in TABLE.values() for column in f.columns}
    raise UsageError(
        f"tiny model {model_id} takes the feature {name}, which libvmaf does not compute",
        hint=f"it computes {', '.join(sorted(known))}",
    )


def _options(model: Model, name: str) -> Options:
    options = model.card.feature_options.get(name, {}) if model.card else {}
    return tuple(sorted((key, _word(value)) for key, value in options.items()))


def _word(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _column(columns: Mapping[str, FloatArray], name: str, options: Options) -> FloatArray:
    heads = (f"integer_{name}", name)
    # libvmaf adds a suffix to a column's name for each option that is not at its default.
    suffixed = [c for c in columns if c.startswith(tuple(f"{head}_" for head in heads))]
    exact = [head for head in heads if head in columns]
    found = suffixed if options and suffixed else exact
    if not found or (options and len(suffixed) > 1):
        raise ResultInvalid(
            f"libvmaf's log holds no single {name} for the tiny model",
            hint="score it without other models",
        )
    return columns[found[0]]
