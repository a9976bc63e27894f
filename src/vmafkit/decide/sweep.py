"""Plans a sweep: sources x encoders x presets x quality values, as trials."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vmafkit.encoders import Encoder, EncodeSettings, encoder_options
from vmafkit.errors import Refused, UsageError
from vmafkit.media.hashing import show
from vmafkit.media.source import Source
from vmafkit.media.window import Window, whole
from vmafkit.scoring.backend import Backend, Chosen
from vmafkit.scoring.features import Feature
from vmafkit.scoring.vmaf_models import VmafModel, default_model
from vmafkit.store.spec import Toolchain, TrialSpec

_STEM_BYTES = 150


@dataclass(frozen=True, slots=True)
class Grid:
    """What a sweep varies.

    Attributes:
        encoders: at least one.
        presets: words of the encoders; empty for each encoder's default.
        qualities: on the encoders' own knobs; empty for each encoder's default.
        options: the user's `k=v` words for the encoder.
        threads: of each encode, at least 1.
    """

    encoders: tuple[Encoder, ...]
    presets: tuple[str, ...] = ()
    qualities: tuple[float, ...] = ()
    options: tuple[str, ...] = ()
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Scoring:
    """How every cell of a sweep is scored.

    Attributes:
        models: resolved models; empty for the default by display height.
        model_keys: what stands for each model in a trial's key.
        features: further features of libvmaf.
        display: (width, height), or None for the source's own.
        subsample: every n-th frame.
        allow_hdr: score HDR video with models for SDR.
        backend: what may score.
    """

    models: tuple[VmafModel, ...] = ()
    model_keys: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    display: tuple[int, int] | None = None
    subsample: int = 1
    allow_hdr: bool = False
    backend: Backend = field(default_factory=Backend)


@dataclass(frozen=True, slots=True)
class Cell:
    """One trial of a plan, with what is needed to run it.

    Attributes:
        spec: what its numbers depend on.
        source: the probed source.
        window: the frames it uses.
        encoder: the adapter.
        quality: the value on its knob.
        models: of the score, the first being the row's.
        model_note: why this model.
        file_name: of a kept encode.
        scorer: the backend; the spec's toolchain has its key.
    """

    spec: TrialSpec
    source: Source
    window: Window
    encoder: Encoder
    quality: float
    pix_fmt: str
    models: tuple[VmafModel, ...]
    model_note: str
    features: tuple[Feature, ...]
    allow_hdr: bool
    options: tuple[str, ...]
    file_name: str
    scorer: Chosen = field(default_factory=Chosen)

    @property
    def keyed_name(self) -> str:
        """The file name with the start of the trial's key, which no other trial has."""
        stem, _, suffix = self.file_name.rpartition(".")
        mark = f"__{self.spec.key[:8]}"
        return self.file_name if stem.endswith(mark) else f"{stem}{mark}.{suffix}"


@dataclass(frozen=True, slots=True)
class Known:
    """A source with its content hash."""

    source: Source
    sha256: str


def plan_sweep(
    sources: Sequence[Known],
    grid: Grid,
    scoring: Scoring,
    toolchain: Callable[[Encoder], Toolchain],
) -> tuple[Cell, ...]:
    """Every cell of the grid, in the order source, encoder, preset, quality, without repeats.

    With several encoders a preset goes to those that have it.

    Raises:
        UsageError: a preset, value or pixel format is not the encoder's, or the grid is empty.
        Refused: HDR video without `allow_hdr`, or a display too small for a model.
        CapabilityMissing: the engine was asked for by name and does not score it.
    """
    cells: dict[str, Cell] = {}
    names: dict[str, str] = {}
    presets = _presets(grid)
    for known in sources:
        for encoder in grid.encoders:
            for preset in presets[encoder.name]:
                for quality in grid.qualities or (encoder.quality.default,):
                    setting = (encoder, preset, quality)
                    cell = make_cell(known, setting, grid, scoring, toolchain(encoder))
                    cells.setdefault(cell.spec.key, _with_own_name(cell, grid, names))
    if not cells:
        raise UsageError("the sweep has no cells", hint="name a --source and an --encoder")
    return tuple(cells.values())


def make_cell(
    known: Known,
    setting: tuple[Encoder, str, float],
    grid: Grid,
    scoring: Scoring,
    toolchain: Toolchain,
    window: Window | None = None,
    scale: tuple[int, int] | None = None,
) -> Cell:
    """One cell: everything a trial depends on, checked.

    Args:
        scale: (width, height) of the encode; None for the source's own.

    Raises:
        UsageError, Refused, CapabilityMissing: as `plan_sweep`.
    """
    encoder, preset, quality = setting
    source = known.source
    window = window or whole(source)
    pix_fmt = encoder.check_pix_fmt(source.pix_fmt)
    _check_size(encoder, source, scale)
    words = encoder.argv(
        EncodeSettings(
            preset=preset,
            quality=quality,
            pix_fmt=pix_fmt,
            extra=encoder_options(grid.options),
            threads=grid.threads,
        )
    )
    display = scoring.display or source.display_size
    models, keys, note = scoring.models, scoring.model_keys, ""
    if not models:
        models = (default_model(display[1]),)
        keys = (models[0].id,)
        note = f"chosen for a display of {display[1]} lines; --model overrides"
    _check_scoring(source, display, models, scoring.allow_hdr)
    scorer = scoring.backend.choose(
        models, display, has_features=bool(scoring.features), subsample=scoring.subsample
    )
    spec = TrialSpec(
        source_sha256=known.sha256,
        raw=_raw_words(source),
        window=window.word(),
        encoder=encoder.name,
        preset=preset,
        quality=encoder.quality.word(quality),
        encode_argv=words,
        scale=scale,
        threads=grid.threads,
        display=display,
        models=keys,
        features=tuple(feature.name for feature in scoring.features),
        subsample=scoring.subsample,
        toolchain=replace(toolchain, scorer=scorer.key),
    )
    return Cell(
        spec=spec,
        source=source,
        window=window,
        encoder=encoder,
        quality=quality,
        pix_fmt=pix_fmt,
        models=models,
        model_note=note,
        features=scoring.features,
        allow_hdr=scoring.allow_hdr,
        options=grid.options,
        file_name=_file_name(source.path, spec, encoder),
        scorer=scorer,
    )


def _check_size(encoder: Encoder, source: Source, scale: tuple[int, int] | None) -> None:
    width, height = scale or source.display_size
    step = encoder.size_multiple_px
    if width % step or height % step:
        raise UsageError(
            f"{encoder.name} takes sizes in multiples of {step}, not {width}x{height}",
            hint="crop or scale the source, or choose another --encoder",
        )


def _check_scoring(
    source: Source, display: tuple[int, int], models: Sequence[VmafModel], allow_hdr: bool
) -> None:
    """What scoring would refuse, before anything is encoded."""
    if source.hdr.kind != "sdr" and not allow_hdr:
        raise Refused(
            f"{show(source.path)} is {source.hdr.kind.upper()} video, and the models were made "
            "for SDR video",
            hint="--allow-hdr scores it all the same and labels the result",
        )
    short, long = sorted(display)
    for model in models:
        if short < model.smallest[0] or long < model.smallest[1]:
            raise Refused(
                f"{show(source.path)}: a picture of {display[0]}x{display[1]} is too small for "
                f"model {model.id}, which needs {model.smallest[1]}x{model.smallest[0]} at least",
                hint="score at a larger --display, or choose another --model",
            )


def _presets(grid: Grid) -> dict[str, tuple[str, ...]]:
    """The presets of each encoder.

    Raises:
        UsageError: a preset is no encoder's, or an encoder has none of them.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for encoder in grid.encoders:
        own = tuple(preset for preset in grid.presets if preset in encoder.presets)
        if grid.presets and not own:
            encoder.check_preset(grid.presets[0])
        chosen[encoder.name] = own or (encoder.default_preset,)
    for preset in grid.presets if grid.encoders else ():
        if not any(preset in encoder.presets for encoder in grid.encoders):
            grid.encoders[0].check_preset(preset)
    return chosen


def _raw_words(source: Source) -> tuple[int, int, str, str] | None:
    raw = source.raw
    return (raw.width, raw.height, raw.pix_fmt, str(raw.framerate)) if raw else None


def _file_name(source: Path, spec: TrialSpec, encoder: Encoder) -> str:
    stem = os.fsencode(source.stem)
    if len(stem) > _STEM_BYTES:
        # A cut through a character leaves bytes that are no text.
        stem = stem[:_STEM_BYTES].decode("utf-8", "ignore").encode()
    parts = [os.fsdecode(stem), spec.encoder, spec.preset, spec.quality]
    if spec.window != "full":
        parts.append(spec.window)
    return "__".join(parts) + "." + encoder.container


def _with_own_name(cell: Cell, grid: Grid, names: dict[str, str]) -> Cell:
    # The plain name does not tell options and threads, and later runs may have others.
    is_plain = not grid.options and grid.threads == 1
    owner = names.setdefault(cell.file_name, cell.spec.key)
    if is_plain and owner == cell.spec.key:
        return cell
    return replace(cell, file_name=cell.keyed_name)
