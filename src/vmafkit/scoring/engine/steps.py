"""What a kernel is called with, and lists of calls that run without the interpreter.

A frame is some hundred short calls. Made one by one they take the interpreter's lock as often,
and threads then wait for each other; a list of them is one call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from vmafkit.errors import ResultInvalid
from vmafkit.scoring.engine.native import Library

_CODES = {"i": 0, "u": 1, "f": 2}


class _Type(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Dimension(ctypes.Structure):
    _fields_ = (
        ("min", ctypes.c_int32),
        ("extent", ctypes.c_int32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    )


class _Buffer(ctypes.Structure):
    """halide_buffer_t of HalideRuntime.h."""

    _fields_ = (
        ("device", ctypes.c_uint64),
        ("device_interface", ctypes.c_void_p),
        ("host", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("type", _Type),
        ("dimensions", ctypes.c_int32),
        ("dim", ctypes.POINTER(_Dimension)),
        ("padding", ctypes.c_void_p),
    )


class _Step(ctypes.Structure):
    _fields_ = (("kernel", ctypes.c_void_p), ("values", ctypes.POINTER(ctypes.c_void_p)))


class View:
    """An array as a kernel sees it: the last axis is the first dimension.

    Args:
        array: kept alive by this object.
        mins: the coordinate of the array's first element, per axis of the array.
    """

    def __init__(self, array: np.ndarray[Any, Any], mins: Sequence[int] = ()) -> None:
        self.array = array
        starts = tuple(mins) or (0,) * array.ndim
        item = array.itemsize
        self._dims = (_Dimension * array.ndim)(
            *(
                _Dimension(start, extent, stride // item, 0)
                for start, extent, stride in zip(
                    starts[::-1], array.shape[::-1], array.strides[::-1], strict=True
                )
            )
        )
        kind = _Type(_CODES[array.dtype.kind], 8 * item, 1)
        self.buffer = _Buffer(0, None, array.ctypes.data, 0, kind, array.ndim, self._dims, None)


class Step:
    """A call of a compiled function, ready to be made.

    Args:
        library: where the function is.
        kernel: its name.
        values: its arguments; an int is given as int32, a float as float64.
    """

    def __init__(self, library: Library, kernel: str, *values: int | float | View) -> None:
        self.address = library.address(kernel)
        self._keep = values
        self._held = tuple(_held(value) for value in values)
        self.values = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, self._held))


def _held(value: int | float | View) -> Any:
    if isinstance(value, View):
        return value.buffer
    return ctypes.c_double(value) if isinstance(value, float) else ctypes.c_int32(value)


class Steps:
    """Calls that are made one after the other while other Python threads run.

    Args:
        library: the loaded engine.
        steps: the calls, in their order.
    """

    def __init__(self, library: Library, steps: Iterable[Step]) -> None:
        self._keep = tuple(steps)
        self._steps = (_Step * len(self._keep))(
            *(
                _Step(step.address, ctypes.cast(step.values, ctypes.POINTER(ctypes.c_void_p)))
                for step in self._keep
            )
        )
        self._run = library.handle.vmafkit_run

    def run(self) -> None:
        """Make the calls.

        Raises:
            ResultInvalid: one of them failed.
        """
        failure = self._run(self._steps, len(self._keep))
        if failure:
            raise ResultInvalid(f"the engine failed with its code {failure}")
