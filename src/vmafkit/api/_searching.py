"""What `recommend` and `auto` share: the words of a search, made ready to run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from vmafkit import encoders, fsio, settings
from vmafkit.api._words import model_of, raw_geometry
from vmafkit.decide.amounts import parse_bytes, parse_kbps, parse_percent
from vmafkit.decide.belief import Factors
from vmafkit.decide.predict import Features, factors_of
from vmafkit.decide.prior import KnownRow, Prior, prior_for, shipped
from vmafkit.decide.samples import Samples, first_samples
from vmafkit.decide.search import Probe, Search
from vmafkit.decide.sweep import Grid, Known, Scoring
from vmafkit.decide.target import METRICS, Caps, Target, parse_target
from vmafkit.encoders import Encoder
from vmafkit.errors import Refused, UsageError
from vmafkit.execute.search import FloatArray, NewSearch, Setup
from vmafkit.execute.toolchain import require_working, toolchain
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.capabilities import Capabilities, read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.complexity import complexity, look
from vmafkit.media.hashing import content_hash, show
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry, Source
from vmafkit.proc import Limits
from vmafkit.scoring.backend import Backend, find_backend
from vmafkit.scoring.metrics import features_of
from vmafkit.scoring.vmaf_models import VmafModel, default_model, model_by_id, model_key
from vmafkit.store.hashes import StoredHashes
from vmafkit.store.trials import TrialStore

_LOOKS = 16


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached, in the user's words.

    Attributes:
        target: such as `93` or `vmaf:p5>=90`; all must hold.
        target_vmaf: a number, the same as one more target.
        model: VMAF model of the targets that name none; None for the default.
        max_bitrate, max_size, max_encoded_percent: caps; None for no cap.
        tolerance: overshoot of the first target that is good enough; None for the metric's own.
    """

    target: tuple[str, ...] = ()
    target_vmaf: float | None = None
    model: str | None = None
    max_bitrate: str | None = None
    max_size: str | None = None
    max_encoded_percent: str | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much of the source probes look at, in the user's words."""

    samples: int | None = None
    sample_s: float | None = None
    full: bool = False


@dataclass(frozen=True, slots=True)
class Means:
    """What the work is done with, in the user's words."""

    enc: tuple[str, ...] = ()
    threads: int = 1
    workers: int | None = None
    allow_hdr: bool = False
    ffmpeg_bin: str | Path | None = None
    timeout_s: float | None = None
    raw: RawGeometry | None = None
    backend: Backend = field(default_factory=Backend)


@dataclass(frozen=True)
class Ready:
    """A search whose words were all checked.

    Attributes:
        targets, caps, tolerance: what is to be reached.
        models: by id; those of the targets, or the default.
    """

    known: Known
    targets: tuple[Target, ...]
    caps: Caps
    tolerance: float
    models: tuple[VmafModel, ...]
    means: Means
    capabilities: Capabilities
    sampling: Sampling
    strategy: str = "interpolate"
    probes_at_once: int = 1
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def source(self) -> Source:
        """The probed source."""
        return self.known.source

    @cached_property
    def weights(self) -> FloatArray:
        """What each frame of the source costs beside the others."""
        return complexity(self.source).weights

    @cached_property
    def samples(self) -> Samples:
        """The windows to begin with."""
        return first_samples(
            self.weights,
            self.source.framerate,
            count=self.sampling.samples,
            sample_s=self.sampling.sample_s,
            is_full=self.sampling.full,
        )

    @property
    def pixel_rate(self) -> float:
        """Pixels a second."""
        width, height = self.source.display_size
        return width * height * float(self.source.framerate)

    @cached_property
    def factors(self) -> Factors | None:
        """What a few frames of the source suggest of its curves."""
        seen = look(self.source, _LOOKS)
        if not seen.si.size:
            return None
        width, height = self.source.display_size
        features = Features(
            width,
            height,
            float(self.source.framerate),
            float(seen.si.mean()),
            float(seen.ti.mean()),
        )
        return factors_of(features, shipped())

    def prior(self, encoder: Encoder, preset: str, rows: Sequence[KnownRow] = ()) -> Prior:
        """What is expected of the curves of one encoder and preset."""
        return prior_for(
            encoder.name,
            preset,
            encoder.quality,
            pixel_rate=self.pixel_rate,
            rows=rows,
            factors=self.factors,
        )

    def encoder(self, name: str) -> Encoder:
        """The encoder, when it is here.

        Raises:
            UsageError: there is none of that name.
            CapabilityMissing: this ffmpeg lacks it, or the machine its hardware.
        """
        found = encoders.get(name)
        require_working(self.capabilities, found, timeout_s=self.means.timeout_s)
        return found

    def setup(
        self,
        bench: Bench,
        encoder: Encoder,
        preset: str,
        samples: Samples,
        *,
        keep: Path | None = None,
    ) -> Setup:
        """A search of one encoder and preset."""
        return Setup(
            bench=bench,
            known=self.known,
            encoder=encoder,
            preset=encoder.check_preset(preset),
            grid=Grid((encoder,), options=self.means.enc, threads=self.means.threads),
            scoring=Scoring(
                models=self.models,
                model_keys=tuple(model_key(model) for model in self.models),
                features=features_of(target.metric for target in self.targets),
                allow_hdr=self.means.allow_hdr,
                backend=self.means.backend,
            ),
            toolchain=toolchain(self.capabilities, encoder, timeout_s=self.means.timeout_s),
            targets=self.targets,
            samples=samples,
            workers=self.means.workers or max(1, settings.core_count() // self.means.threads),
            keep=keep,
            probes_at_once=self.probes_at_once,
        )

    def new_search(
        self,
        encoder: Encoder,
        preset: str,
        *,
        rows: Sequence[KnownRow] = (),
    ) -> NewSearch:
        """Makes searches of one encoder and preset that know some probes.

        Args:
            rows: measured before of this source, in other searches.
        """
        prior = self.prior(encoder, preset, rows)

        def make(known: Sequence[Probe], lo: float | None, hi: float | None) -> Search:
            return Search(
                encoder.quality,
                self.targets,
                caps=self.caps,
                known=known,
                prior=prior,
                # Without targets the search has a tolerance of its own, for the caps.
                tolerance=self.tolerance if self.targets else None,
                strategy=self.strategy,
                lo=lo,
                hi=hi,
            )

        return make

    @contextmanager
    def bench(self) -> Generator[Bench]:
        """The store, a private folder and the program, for the time of the work."""
        with (
            TrialStore(settings.cache_folder()) as store,
            fsio.scratch_folder(within=settings.scratch_room()) as scratch,
        ):
            yield Bench(
                program=Path(self.capabilities.path),
                version=self.capabilities.version,
                store=store,
                score_threads=max(self.means.threads, 1),
                limits=Limits(wall_s=self.means.timeout_s),
                cancel=self.cancel,
                scratch=scratch,
            )


def means_of(
    *,
    enc: Sequence[str],
    threads: int,
    workers: int | None,
    allow_hdr: bool,
    ffmpeg_bin: str | Path | None,
    timeout_s: float | None,
    geometry: tuple[int | None, int | None, str | None, str | None],
    score_backend: str = "auto",
    vmaf_binary: str | Path | None = None,
) -> Means:
    """The means, checked as far as they can be without looking at a video."""
    if threads < 1:
        raise UsageError(f"--threads {threads} is below 1")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} is below 1", hint="leave it out for the default")
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g} is not above 0", hint="it is in seconds")
    raw = raw_geometry(*geometry)
    backend = find_backend(score_backend, vmaf_binary)
    return Means(tuple(enc), threads, workers, allow_hdr, ffmpeg_bin, timeout_s, raw, backend)


def prepare(
    source: str | Path | None,
    goal: Goal,
    sampling: Sampling,
    means: Means,
    *,
    strategy: str = "interpolate",
    probes_at_once: int = 1,
    cancel: threading.Event | None = None,
) -> Ready:
    """Check every word, open the source and find the program; nothing is encoded.

    Raises:
        UsageError, InputError, ToolMissing: something named is wrong or not here.
    """
    if source is None:
        raise UsageError("there is no source", hint="name a video")
    if probes_at_once < 1:
        raise UsageError(f"--probes-at-once {probes_at_once} is below 1")
    if probes_at_once > 1 and strategy != "interpolate":
        raise UsageError(
            f"--strategy {strategy} makes one probe after the other",
            hint="leave out --probes-at-once, or take --strategy interpolate",
        )
    targets, models = targets_of(goal)
    opened = open_source(source, raw=means.raw)
    targets, models = _with_models(targets, models, opened.display_size[1])
    _check_size(targets, opened)
    capabilities = read_capabilities(find_ffmpeg(means.ffmpeg_bin), timeout_s=means.timeout_s)
    capabilities.require_libvmaf()
    return Ready(
        known=Known(opened, content_hash(opened.path, StoredHashes(settings.cache_folder()))),
        targets=targets,
        caps=caps_of(goal, opened),
        tolerance=tolerance_of(goal, targets),
        models=models,
        means=means,
        capabilities=capabilities,
        sampling=sampling,
        strategy=strategy,
        probes_at_once=probes_at_once,
        cancel=cancel or threading.Event(),
    )


def _check_size(targets: Sequence[Target], source: Source) -> None:
    short, long = sorted(source.display_size)
    for feature in features_of(target.metric for target in targets):
        if short < feature.smallest[0] or long < feature.smallest[1]:
            raise Refused(
                f"{show(source.path)}: a picture of {source.width}x{source.height} is too small "
                f"for {feature.name}, which needs {feature.smallest[1]}x{feature.smallest[0]}",
                hint="name another --target",
            )


def targets_of(goal: Goal) -> tuple[tuple[Target, ...], tuple[VmafModel, ...]]:
    """The targets, and the models that were named by a file.

    Raises:
        UsageError: one of them is none, two are on one scale, or there is no goal at all.
    """
    model = model_of(goal.model) if goal.model else None
    words = list(goal.target)
    if goal.target_vmaf is not None:
        words.append(f"vmaf>={goal.target_vmaf:g}")
    targets = tuple(parse_target(word, model=model) for word in words)
    caps = (goal.max_bitrate, goal.max_size, goal.max_encoded_percent)
    if not targets and not any(cap is not None for cap in caps):
        raise UsageError("there is nothing to reach", hint="give --target 93, or a cap")
    return targets, (model,) if model else ()


def caps_of(goal: Goal, source: Source | None) -> Caps:
    """The caps; without a source none in percent of it."""
    return Caps(
        max_bitrate_kbps=_parsed(goal.max_bitrate, parse_kbps, "--max-bitrate"),
        max_size_bytes=_parsed(goal.max_size, parse_bytes, "--max-size"),
        max_encoded_percent=_parsed(
            goal.max_encoded_percent, parse_percent, "--max-encoded-percent"
        ),
        source_size_bytes=source.video_bits / 8 if source else None,
    )


def tolerance_of(goal: Goal, targets: Sequence[Target]) -> float:
    """The user's tolerance, else that of the first target's metric."""
    if goal.tolerance is None:
        return METRICS[targets[0].metric].tolerance if targets else METRICS["vmaf"].tolerance
    if not 0.0 <= goal.tolerance < float("inf"):
        raise UsageError(f"--tolerance {goal.tolerance:g} is below 0 or no number")
    return goal.tolerance


def _parsed(word: str | None, parse: Callable[[str, str], float], flag: str) -> float | None:
    return None if word is None else parse(word, flag)


def _with_models(
    targets: tuple[Target, ...], named: tuple[VmafModel, ...], display_height: int
) -> tuple[tuple[Target, ...], tuple[VmafModel, ...]]:
    """Every VMAF target with its model, and the models to score, the first target's first."""
    from dataclasses import replace

    usual = named[0] if named else default_model(display_height)
    models: dict[str, VmafModel] = {}
    complete: list[Target] = []
    for target in targets:
        if target.metric == "vmaf":
            files = {model.id: model for model in named}
            model = usual if target.model is None else files.get(target.model)
            model = model or model_by_id(target.model or usual.id)
            models[model.id] = model
            target = replace(target, model=model.id)
        complete.append(target)
    return tuple(complete), tuple(models.values()) or (usual,)
