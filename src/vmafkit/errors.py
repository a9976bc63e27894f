"""What can go wrong, arranged by what the user can do about it.

VmafkitError 1
  UsageError 2            a flag or value is wrong: change the command
  InputError 1            a file is not what it has to be: Unreadable, Refused, TooLarge,
                          Changed, PairMismatch
  OutputError 1           the file to write cannot be written: its folder, its rights, its disk
  ToolMissing 4           a program or encoder is not here: CapabilityMissing
  ToolFailed 5            an outside program failed: EncodeFailed, ScoreFailed, ToolTimeout,
                          ClusterLost
  ResultInvalid 6         what a program made is not whole: FrameCount, Truncated, NotFinite
  TargetUnreached 7       no setting meets the target: the best attempt comes with it
  StoreError 8            StoreFull, StoreLocked, StoreCorrupt, SchemaTooNew
  ModelRefused 9          a model file may not be run; the reason is a short code
  Cancelled 130
"""

from __future__ import annotations

from collections.abc import Mapping


class VmafkitError(Exception):
    """A failure that is told to the user in one sentence.

    Args:
        message: what is wrong, naming the path or the flag.
        hint: the way out; empty when the message already holds it.
        detail: lines for a log, such as the end of a program's stderr.
    """

    exit_code = 1
    code = "error"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def sentence(self) -> str:
        """The message and the way out, on one line."""
        text = " ".join(self.message.split())
        return f"{text} ({self.hint})" if self.hint else text

    def record(self) -> dict[str, str]:
        """The error as a JSON-ready record."""
        return {
            "type": "error",
            "error": self.code,
            "message": self.message,
            "hint": self.hint,
            "detail": self.detail,
        }


class UsageError(VmafkitError):
    """A flag, a value or a combination of them is wrong."""

    exit_code = 2
    code = "usage"


class InputError(VmafkitError):
    """A file the user named is not what it has to be."""

    code = "input"


class Unreadable(InputError):
    """A file is missing, empty, cut short or not a video."""

    code = "unreadable"


class Refused(InputError):
    """A file is readable but is not accepted as it is."""

    code = "refused"


class TooLarge(InputError):
    """A file asks for more than the limits allow."""

    code = "too-large"


class Changed(InputError):
    """A file changed while it was being used."""

    code = "changed"


class PairMismatch(InputError):
    """Reference and distorted video do not belong together."""

    code = "pair-mismatch"


class OutputError(VmafkitError):
    """A file the user asked for cannot be written."""

    code = "output"


class ToolMissing(VmafkitError):
    """A program is not on this machine."""

    exit_code = 4
    code = "tool-missing"


class CapabilityMissing(ToolMissing):
    """The program is here but lacks an encoder, a filter, a model or the hardware."""

    code = "capability-missing"


class ToolFailed(VmafkitError):
    """An outside program failed.

    Args:
        exit_status: its return code; negative for a signal.
    """

    exit_code = 5
    code = "tool-failed"

    def __init__(
        self, message: str, *, hint: str = "", detail: str = "", exit_status: int = 1
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.exit_status = exit_status


class EncodeFailed(ToolFailed):
    """The encoder failed."""

    code = "encode-failed"


class ScoreFailed(ToolFailed):
    """The scorer failed."""

    code = "score-failed"


class ToolTimeout(ToolFailed):
    """An outside program ran past its limit and was stopped."""

    code = "tool-timeout"


class ClusterLost(ToolFailed):
    """The scheduler or all workers of a cluster are gone; no other trial would fare better."""

    code = "cluster-lost"


class ResultInvalid(VmafkitError):
    """A program ended well, but what it made is not whole."""

    exit_code = 6
    code = "result-invalid"


class FrameCount(ResultInvalid):
    """A result has another number of frames than it must have."""

    code = "frame-count"


class Truncated(ResultInvalid):
    """A result is cut short."""

    code = "truncated"


class NotFinite(ResultInvalid):
    """A score is not a finite number."""

    code = "not-finite"


class TargetUnreached(VmafkitError):
    """No setting within the limits meets the target.

    Args:
        best: what came closest, as a JSON-ready record; None when nothing was measured.
    """

    exit_code = 7
    code = "target-unreached"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        detail: str = "",
        best: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.best = best


class StoreError(VmafkitError):
    """The trial store or an output file cannot be used."""

    exit_code = 8
    code = "store"


class StoreFull(StoreError):
    """The disk is full or a quota is reached."""

    code = "store-full"


class StoreLocked(StoreError):
    """Another process holds the file."""

    code = "store-locked"


class StoreCorrupt(StoreError):
    """A stored record does not agree with its checksum or its schema."""

    code = "store-corrupt"


class SchemaTooNew(StoreError):
    """A file was written by a newer version."""

    code = "schema-too-new"


class ModelRefused(VmafkitError):
    """A model file is not safe to run, or not what it claims to be.

    Args:
        reason: a short code of the rule it breaks, such as `external-data`.
    """

    exit_code = 9
    code = "model-refused"

    def __init__(self, message: str, *, reason: str, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.reason = reason

    def record(self) -> dict[str, str]:
        """The error as a JSON-ready record, with its reason."""
        return super().record() | {"reason": self.reason}


class Cancelled(VmafkitError):
    """The user stopped the work."""

    exit_code = 130
    code = "cancelled"
