"""Opening a source: every fact is counted or decoded, none is believed.

PyAV 18 hands protocol_whitelist and format_whitelist to libavformat, which checks the
format before it is opened, so a list of other files is never followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import Changed, Refused, TooLarge, Unreadable, UsageError
from vmafkit.media import layout, pixfmt, y4m
from vmafkit.media.color import color_facts, hdr_facts
from vmafkit.media.hashing import Fingerprint, fingerprint, show
from vmafkit.media.source import ColorFacts, HdrFacts, RawGeometry, Source
from vmafkit.media.tally import Look, Tally, count, end_of_file_is_there, look

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.video.stream import VideoStream

MAX_PIXELS = 8192 * 8192
FORMATS = (
    "mov,matroska,webm,yuv4mpegpipe,ivf,mpegts,avi,flv,h264,hevc,vvc,obu,ogg"
)
_RAW_SUFFIXES = (".yuv", ".raw")
