"""What an encoder adapter is: data and a few functions, one value per encoder."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from vmafkit.encoders.options import checked_options, join_params
from vmafkit.encoders.pixfmts import nearest_pix_fmt
from vmafkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Quality:
    """An encoder's own quality knob.

    Attributes:
        knob: its word, such as `crf`, `qp` or `cq`.
        lo: lowest number accepted.
        hi: highest number accepted.
        step: smallest difference that the encoder really acts on, counted from 0.
        default: where a search starts when nothing is known.
        higher_is_better: False where a lower number means better quality and more bits.
    """

    knob: str
    lo: float
    hi: float
    step: float
    default: float
    higher_is_better: bool

    def check(self, value: float, encoder: str = "") -> float:
        """The value, when it lies in lo..hi on a multiple of step (within 1e-6).

        Raises:
            UsageError: it is out of range, between two steps, NaN or infinite.
        """
        name = f"{encoder} {self.knob}".strip()
        span = f"{_plain(self.lo)}..{_plain(self.hi)} in steps of {_plain(self.step)}"
        if not math.isfinite(value) or not self.lo <= value <= self.hi:
            raise UsageError(f"{name} {value} is out of range", hint=f"it takes {span}")
        steps = round(value / self.step)
        if abs(value - steps * self.step) > 1e-6:
            raise UsageError(f"{name} {value} is between two steps", hint=f"it takes {span}")
        return value

    def word(self, value: float) -> str:
        """The canonical text of a value: `23`, `23.5`; never an exponent, never `-0`.

        Raises:
            UsageError: as check.
        """
        return _plain(round(self.check(value) / self.step) * self.step, _decimals(self.step))


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """One setting of an encoder.

    Attributes:
        preset: in the encoder's own words.
        quality: on the encoder's own knob.
        pix_fmt: what the encoder is to be fed; see Encoder.check_pix_fmt.
        extra: argv words made by encoder_options from the user's `--enc k=v`.
        threads: most threads to use; 0 leaves it to the encoder.
        keyint: most frames from one key frame to the next; None leaves it to the encoder.
    """

    preset: str
    quality: float
    pix_fmt: str
    extra: tuple[str, ...] = ()
    threads: int = 0
    keyint: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """Frames first..last (from 0, both included) with a setting of their own.

    Attributes:
        bitrate_factor: share of the bits they would have got; 1 as is.
        qp: a fixed quantizer in place of the factor, or None.
    """

    first_frame: int
    last_frame: int
    bitrate_factor: float = 1.0
    qp: int | None = None

    def word(self) -> str:
        """The zone as x264 and x265 write it."""
        how = f"b={self.bitrate_factor:.4f}" if self.qp is None else f"q={self.qp}"
        return f"{self.first_frame},{self.last_frame},{how}"


Words = tuple[str, ...]


def plain_threads(threads: int) -> Words:
    """`-threads N`, for the encoders that obey it."""
    return ("-threads", str(threads))


def plain_keyint(frames: int) -> Words:
    """`-g N`, for the encoders that obey it."""
    return ("-g", str(frames))


def command(
    name: str,
    settings: EncodeSettings,
    words: Words,
    *,
    threads: Callable[[int], Words] = plain_threads,
    keyint: Callable[[int], Words] = plain_keyint,
) -> Words:
    """`-c:v name`, the encoder's own words, then what every encoder has, then the user's.

    Raises:
        UsageError: keyint or threads is out of range, or extra is not from encoder_options.
    """
    if settings.threads < 0:
        raise UsageError(f"{name} cannot run on {settings.threads} threads", hint="0 means auto")
    if settings.keyint is not None and settings.keyint < 1:
        raise UsageError(f"{name} keyint {settings.keyint} is below 1", hint="it counts frames")
    return join_params(
        (
            *("-c:v", name, "-pix_fmt", settings.pix_fmt),
            *words,
            *(threads(settings.threads) if settings.threads else ()),
            *(keyint(settings.keyint) if settings.keyint is not None else ()),
            *checked_options(settings.extra),
        )
    )


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder of ffmpeg.

    Attributes:
        name: ffmpeg's name, such as `libx264`.
        codec: what comes out: `h264`, `hevc`, `av1`, `vp9` or `vvc`.
        quality: its knob.
        presets: its own words, fast to slow.
        default_preset: one of presets.
        pix_fmts: what it takes, 8-bit first.
        args: the whole argv of a setting, from `-c:v`, without looking at presets and pix_fmts.
        version_from_log: the library's version from ffmpeg's stderr at `-v info` or more;
            None where the log does not tell.
        aliases: other names that mean it.
        container: file ending that carries it best.
        hardware: maker of the device it needs (`nvidia`, `intel`, `amd`, `apple`), or None.
        install_hint: the way out where ffmpeg lacks it.
        size_multiple_px: width and height must be multiples of this.
        zones: argv that moves bits between frames; None where it cannot.
    """

    name: str
    codec: str
    quality: Quality
    presets: tuple[str, ...]
    default_preset: str
    pix_fmts: tuple[str, ...]
    args: Callable[[EncodeSettings], Words]
    version_from_log: Callable[[str], str | None]
    aliases: tuple[str, ...] = ()
    container: str = "mkv"
    hardware: str | None = None
    install_hint: str = ""
    size_multiple_px: int = 2
    zones: Callable[[Sequence[Zone]], Words] | None = None

    def __reduce__(self) -> tuple[Callable[[str, str], Encoder], tuple[str, str]]:
        # Functions made by functions cannot be pickled; every machine has its own table.
        return _from_table, (self.name, self.container)

    def check_quality(self, value: float) -> float:
        """The value, when the knob takes it.

        Raises:
            UsageError: as Quality.check, naming this encoder.
        """
        return self.quality.check(value, self.name)

    def check_preset(self, preset: str) -> str:
        """The preset, when it is one of presets.

        Raises:
            UsageError: it is not; the hint lists them.
        """
        if preset in self.presets:
            return preset
        near = difflib.get_close_matches(preset, self.presets, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"{self.name} has no preset {preset!r}",
            hint=f"{guess}fast to slow: {', '.join(self.presets)}",
        )

    def check_pix_fmt(self, pix_fmt: str) -> str:
        """The pixel format to feed it for a source in pix_fmt; keeps bit depth where it can.

        Raises:
            UsageError: nothing it takes is near, as for RGB or alpha.
        """
        found = nearest_pix_fmt(pix_fmt, self.pix_fmts)
        if found is None:
            raise UsageError(
                f"{self.name} takes nothing near pixel format {pix_fmt!r}",
                hint=f"convert the source to one of: {', '.join(self.pix_fmts)}",
            )
        return found

    def argv(self, settings: EncodeSettings, zones: Sequence[Zone] = ()) -> Words:
        """args after every check, with zones joined in.

        Raises:
            UsageError: preset, quality or pixel format is not its own, or it has no zones.
        """
        self.check_quality(settings.quality)
        self.check_preset(settings.preset)
        words = self.args(replace(settings, pix_fmt=self.check_pix_fmt(settings.pix_fmt)))
        if not zones:
            return words
        if self.zones is None:
            raise UsageError(f"{self.name} has no zones", hint="use libx264 or libx265 for them")
        return join_params((*words, *self.zones(zones)))


def _from_table(name: str, container: str) -> Encoder:
    from vmafkit.encoders import get

    return replace(get(name), container=container)


def _decimals(step: float) -> int:
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _plain(value: float, decimals: int = 6) -> str:
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
