"""Bitrates and sizes as people write them."""

from __future__ import annotations

import math
import re

from vmafkit.errors import UsageError

_NUMBER = r"(?P<number>\d+(?:\.\d*)?|\.\d+)"
_KBPS = re.compile(_NUMBER + r"\s*(?P<unit>k|m|kbps|mbps|kbit/s|mbit/s)?", re.IGNORECASE)
_BYTES = re.compile(_NUMBER + r"\s*(?P<unit>[kmgt]?i?b?)", re.IGNORECASE)
_PERCENT = re.compile(_NUMBER + r"\s*(?P<unit>%?)")
_POWER = {"k": 1, "m": 2, "g": 3, "t": 4}


def parse_kbps(word: str, flag: str) -> float:
    """A bitrate in 1000 bits per second: `2500`, `2500k`, `2.5M`.

    Raises:
        UsageError: it is not one, or not above 0.
    """
    number, unit = _parts(_KBPS, word, flag, "write 2500, 2500k or 2.5M; a bare number is kbps")
    return number * (1000.0 if unit.startswith("m") else 1.0)


def parse_bytes(word: str, flag: str) -> float:
    """A size in bytes: `700000000`, `700M` (1000s), `700MiB` (1024s).

    Raises:
        UsageError: it is not one, or not above 0.
    """
    number, unit = _parts(_BYTES, word, flag, "write 700000000, 700M or 700MiB")
    base = 1024.0 if "i" in unit else 1000.0
    return number * base ** _POWER.get(unit[:1], 0)


def parse_percent(word: str, flag: str) -> float:
    """A share in percent: `80` or `80%`.

    Raises:
        UsageError: it is not one, or not above 0.
    """
    number, _ = _parts(_PERCENT, word, flag, "write 80")
    return number


def _parts(form: re.Pattern[str], word: str, flag: str, hint: str) -> tuple[float, str]:
    found = form.fullmatch(word.strip())
    number = float(found["number"]) if found else math.nan
    if found is None or not (math.isfinite(number) and number > 0):
        raise UsageError(f"{flag} {word!r} is not an amount above 0", hint=hint)
    return number, (found["unit"] or "").lower()
