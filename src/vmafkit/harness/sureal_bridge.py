"""Netflix's sureal as one more source of subjective models, for those who have it installed.

`sureal:TYPE` names any model of that library by the name it has there, such as `sureal:ZS_SR_MOS`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.errors import CapabilityMissing, Refused, UsageError

FloatArray = npt.NDArray[np.float64]
PREFIX = "sureal:"


def run_sureal(
    kind: str,
    opinions: Sequence[Mapping[str, tuple[float, ...]]],
    *,
    references: Sequence[int | None] = (),
    ref_score: float | None = None,
) -> dict[str, Any]:
    """The result of a model of sureal, under its own names, with `subjects`.

    Args:
        kind: the model's TYPE.
        opinions: of each stimulus, subject to scores.
        references: the stimulus that is the reference of each, or None.
        ref_score: the nominal score of a reference.

    Raises:
        CapabilityMissing: sureal is not installed.
        UsageError: it has no such model.
        Refused: the model does not take these scores.
    """
    try:
        models, reader = (
            import_module(f"sureal.{n}") for n in ("subjective_model", "dataset_reader")
        )
    except ImportError:
        raise CapabilityMissing(
            f"{PREFIX}{kind} needs sureal, which is not installed",
            hint="pip install 'vmafkit[sureal]'",
        ) from None
    try:
        found = models.SubjectiveModel.find_subclass(kind)
    except (AssertionError, KeyError, ValueError):
        raise UsageError(f"sureal has no model {kind!r}") from None
    data = _data_set(opinions, references, ref_score)
    try:
        # It prints each round of its search.
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            result = dict(found(reader.RawDatasetReader(data)).run_modeling())
    except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise Refused(f"{PREFIX}{kind} does not take these scores: {why}") from None
    scores = np.asarray(result.get("quality_scores", ()), dtype=np.float64)
    if scores.shape != (len(opinions),) or not np.isfinite(scores).all():
        raise Refused(f"{PREFIX}{kind} gives no one score for each stimulus")
    names = result.get("observers") or dict.fromkeys(n for each in opinions for n in each)
    return {**result, "subjects": tuple(str(name) for name in names)}


def column(result: Mapping[str, Any], name: str, count: int) -> FloatArray:
    """A list of a result, shape (count,); NaN where the model does not give it."""
    given = np.asarray(result.get(name, ()), dtype=np.float64)
    return given if given.shape == (count,) else np.full(count, np.nan)


def _data_set(
    opinions: Sequence[Mapping[str, tuple[float, ...]]],
    references: Sequence[int | None],
    ref_score: float | None,
) -> SimpleNamespace:
    given = list(references) or [None] * len(opinions)
    contents = list(dict.fromkeys(given))
    names = {index: f"stimulus {index}" for index in range(len(opinions))}
    return SimpleNamespace(
        ref_score=ref_score,
        ref_videos=[
            {"content_id": number, "path": "unseen" if index is None else names[index]}
            for number, index in enumerate(contents)
        ],
        dis_videos=[
            {
                "content_id": contents.index(given[index]),
                "asset_id": index,
                "path": names[index],
                "os": {name: list(values) for name, values in each.items()},
            }
            for index, each in enumerate(opinions)
        ],
    )
