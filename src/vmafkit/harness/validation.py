"""Cross-validation in which no content is in both parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit import pooling
from vmafkit.errors import Refused, UsageError
from vmafkit.harness.training import Trained, train
from vmafkit.schema.model_recipe import ModelParam

FloatArray = npt.NDArray[np.float64]
OnFold = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """What training knows of one clip.

    Attributes:
        content, label: of its asset.
        frames: features, shape (frames, features).
        score: its opinion score.
        opinions: those of single subjects, to be trained on in place of `score`; or none.
    """

    content: str
    label: str
    frames: FloatArray
    score: float
    opinions: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """One round: the contents held out, and the scores predicted for their clips."""

    contents: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: FloatArray
    truth: FloatArray


def means_of(clips: Sequence[Clip]) -> FloatArray:
    """The mean features of each clip, shape (clips, features)."""
    return np.stack([clip.frames.mean(axis=0) for clip in clips])


def training_rows(clips: Sequence[Clip]) -> tuple[FloatArray, FloatArray]:
    """Mean features, shape (rows, features), and scores, shape (rows,).

    A clip gives one row, or one for each opinion of a single subject.
    """
    targets = [clip.opinions or (clip.score,) for clip in clips]
    rows = np.repeat(means_of(clips), [len(each) for each in targets], axis=0)
    return rows, np.asarray([score for each in targets for score in each], dtype=np.float64)


def predict_clips(model: Trained, clips: Sequence[Clip], statistic: str = "mean") -> FloatArray:
    """Each clip's score: the model on every frame, then pooled.

    Raises:
        Refused: the scores of a clip cannot be pooled so.
    """
    scores: list[float] = []
    for clip in clips:
        try:
            scores.append(pooling.pool(model.predict(clip.frames), statistic))
        except ValueError as error:
            raise Refused(
                f"asset {clip.label} cannot be pooled by {statistic}: {error}",
                hint="--pool mean takes any finite scores",
            ) from None
    return np.asarray(scores)


def folds_of(contents: Sequence[str], count: int | None) -> list[tuple[str, ...]]:
    """Contents dealt into groups of near equal numbers of clips.

    Args:
        contents: of each clip.
        count: of groups; None for one group for each content.

    Raises:
        Refused: fewer contents than groups, or than two.
    """
    sizes = {content: contents.count(content) for content in dict.fromkeys(contents)}
    wanted = len(sizes) if count is None else count
    if wanted < 2 or wanted > len(sizes):
        raise Refused(
            f"{len(sizes)} contents cannot be dealt into {wanted} folds",
            hint="name 2 folds or more, and no more than there are contents",
        )
    groups: list[list[str]] = [[] for _ in range(wanted)]
    filled = [0] * wanted
    for content in sorted(sizes, key=lambda each: -sizes[each]):
        least = filled.index(min(filled))
        groups[least].append(content)
        filled[least] += sizes[content]
    return [tuple(group) for group in groups]


def parts_of(
    contents: Sequence[str], groups: Sequence[Sequence[str]], count: int | None
) -> list[tuple[str, ...]]:
    """The contents of each part: the groups that were named, else contents dealt into folds.

    Args:
        contents: of each clip.
        groups: contents of each part, as they were typed; none to deal.
        count: as `folds_of`.

    Raises:
        UsageError: groups and a count, or a content is named twice or is an empty word.
        Refused: no clip has a content, a group holds all of them, or as `folds_of`.
    """
    if not groups:
        return folds_of(contents, count)
    if count is not None:
        raise UsageError("--folds and --group do not go together", hint="leave one out")
    parts = [tuple(name.strip() for name in group) for group in groups]
    named = [name for part in parts for name in part]
    if not all(parts) or not all(named):
        raise UsageError("--group names an empty content", hint="write --group 0,1 --group 2")
    known = list(dict.fromkeys(contents))
    for name in named:
        if name not in known:
            raise Refused(
                f"--group names content {name[:40]}, which the data set lacks",
                hint=f"it has {', '.join(known)[:200]}",
            )
        if named.count(name) > 1:
            raise UsageError(
                f"--group names content {name} twice", hint="each content is held out once"
            )
    if any(set(known) <= set(part) for part in parts):
        raise Refused("a --group holds every content, so there is nothing to train on")
    return parts


def with_clips(parts: Sequence[tuple[str, ...]], clips: Sequence[Clip]) -> list[tuple[str, ...]]:
    """The parts without contents of which no clip could be measured."""
    known = {clip.content for clip in clips}
    left = [tuple(content for content in part if content in known) for part in parts]
    return [part for part in left if part]


def left_over(parts: Sequence[tuple[str, ...]], clips: Sequence[Clip]) -> list[str]:
    """A note on contents that are in no part, where there are any."""
    held = {content for part in parts for content in part}
    rest = [clip.content for clip in clips if clip.content not in held]
    if not rest:
        return []
    names = ", ".join(dict.fromkeys(rest))
    return [
        f"in no --group are contents {names[:200]}: their {len(rest)} clips are trained on "
        "and not predicted"
    ]


def cross_validate(
    clips: Sequence[Clip],
    names: Sequence[str],
    param: ModelParam,
    groups: Sequence[tuple[str, ...]],
    *,
    statistic: str = "mean",
    on_fold: OnFold | None = None,
) -> list[Fold]:
    """Train without each group of contents, and predict the clips of that group.

    Raises:
        Refused: a group is empty or unknown, or too little is left to train on.
    """
    folds: list[Fold] = []
    known = {clip.content for clip in clips}
    for number, group in enumerate(groups, 1):
        unknown = set(group) - known
        if unknown or not group:
            raise Refused(f"a fold names content {min(unknown)}" if unknown else "a fold is empty")
        held = [clip for clip in clips if clip.content in group]
        rest = [clip for clip in clips if clip.content not in group]
        if not rest:
            raise Refused("a fold holds every content, so there is nothing to train on")
        model = train(*training_rows(rest), names, param)
        folds.append(
            Fold(
                tuple(group),
                tuple(clip.label for clip in held),
                predict_clips(model, held, statistic),
                np.asarray([clip.score for clip in held]),
            )
        )
        if on_fold is not None:
            on_fold(number, len(groups))
    return folds
