"""Caps on what an encode may cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vmafkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits that an encode must keep; None for no limit.

    Attributes:
        max_bitrate_kbps: of the video, in 1000 bits per second.
        max_size_bytes: of the video of the whole title.
        max_encoded_percent: of the source's video bytes; needs source_size_bytes.
        source_size_bytes: video bytes of the source.

    Raises:
        UsageError: a limit is not a positive number, or the source's size is missing.
    """

    max_bitrate_kbps: float | None = None
    max_size_bytes: float | None = None
    max_encoded_percent: float | None = None
    source_size_bytes: float | None = None

    def __post_init__(self) -> None:
        for flag, value in (
            ("--max-bitrate", self.max_bitrate_kbps),
            ("--max-size", self.max_size_bytes),
            ("--max-encoded-percent", self.max_encoded_percent),
        ):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{flag} {value:g} is not above 0", hint="give a positive number")
        if self.max_encoded_percent is not None and not self.source_size_bytes:
            raise UsageError(
                "--max-encoded-percent needs the size of the source's video",
                hint="use --max-size for a source whose size is not known",
            )

    def __bool__(self) -> bool:
        return bool(self.max_bitrate_kbps or self.max_size_bytes or self.max_encoded_percent)

    @property
    def size_limit_bytes(self) -> float | None:
        """The smaller of the two limits on size."""
        limits: list[float] = []
        if self.max_size_bytes is not None:
            limits.append(self.max_size_bytes)
        if self.max_encoded_percent is not None and self.source_size_bytes is not None:
            limits.append(self.max_encoded_percent / 100 * self.source_size_bytes)
        return min(limits, default=None)

    def excess(self, bitrate_kbps: float, size_bytes: float) -> float:
        """How much an encode costs beside the tightest limit: at most 1.0 when all are kept."""
        shares = [0.0]
        if self.max_bitrate_kbps is not None:
            shares.append(bitrate_kbps / self.max_bitrate_kbps)
        limit = self.size_limit_bytes
        if limit is not None:
            shares.append(size_bytes / limit)
        return max(shares)

    def kept_by(self, bitrate_kbps: float, size_bytes: float) -> bool:
        """Whether an encode keeps every limit."""
        return self.excess(bitrate_kbps, size_bytes) <= 1.0

    def __str__(self) -> str:
        words: list[str] = []
        if self.max_bitrate_kbps is not None:
            words.append(f"at most {self.max_bitrate_kbps:g} kbps")
        if self.max_size_bytes is not None:
            words.append(f"at most {self.max_size_bytes:.0f} bytes")
        if self.max_encoded_percent is not None:
            words.append(f"at most {self.max_encoded_percent:g} % of the source")
        return " and ".join(words)
