"""Says errors of the library by the arguments of a tool, where the library names flags."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from vmafkit.errors import VmafkitError

# Arguments that are not simply named like the flag; a tool has one of them at most.
NAMED: Mapping[str, tuple[str, ...]] = {
    "--feature": ("features",),
    "--frame_cnt": ("frame_count",),
    "--frame_skip_dist": ("skip_distorted",),
    "--frame_skip_ref": ("skip_reference",),
    "--model": ("model", "models"),
    "--pool": ("statistic",),
    "--sample-duration": ("sample_duration_s",),
    "--segment-duration": ("segment_duration_s",),
    "--source": ("source", "sources"),
}
# What the commands have and no tool has.
NOT_OFFERED = frozenset(
    (
        "--allow-mixed", "--baseline-encoder", "--cluster", "--enc", "--encode-dir", "--ffmpeg-bin",
        "--max-memory", "--max-probes", "--min-quality", "--nice", "--probes-at-once",
        "--proxy-preset", "--recipe", "--roi", "--rows", "--rungs-kbps", "--runs-dir", "--sample",
        "--scenes", "--segment-dir", "--spacing", "--step", "--strategy", "--target-vmaf",
        "--target-vmafs", "--threads", "--timeout", "--tiny-device", "--vmaf-binary", "--workers",
        "--zone", "--zones",
    )
)  # fmt: skip
_FLAG = re.compile(r"(?<![\w/.-])--[a-z][a-z0-9_-]*(?![\w/=-]|\.\w)")
_SHORT_FLAGS = re.compile(r" \(or -\w and -\w\)")
_COMMAND = re.compile(r"`?\bvmafkit doctor\b`?")


def spoken(text: str, arguments: Collection[str]) -> str:
    """A sentence with the arguments of a tool in place of flags.

    A flag that the tool has no argument for stays, with a word that it is for the command line
    where no tool has it.
    """

    def name(found: re.Match[str]) -> str:
        flag = found[0]
        for each in NAMED.get(flag, (flag[2:].replace("-", "_"),)):
            if each in arguments:
                return each
        return f"{flag} (only on the command line)" if flag in NOT_OFFERED else flag

    return _COMMAND.sub("the tool doctor", _SHORT_FLAGS.sub("", _FLAG.sub(name, text)))


def respoken(error: VmafkitError, arguments: Collection[str]) -> VmafkitError:
    """The error itself, with its message and hint said by a tool's arguments."""
    error.message = spoken(error.message, arguments)
    error.hint = spoken(error.hint, arguments)
    return error
