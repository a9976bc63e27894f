"""A strict reader of the protobuf wire format, for the few messages of ONNX that are allowed.

Reading is bounded: what a length field claims is checked before anything is taken, unknown fields
and fields given twice are refused (readers differ in what they make of them), and the number of
fields is limited, so that a small file cannot become a large object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vmafkit.errors import ModelRefused

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MOST_FIELDS = 20_000
_LONGEST_PACKED_BYTES = 65_536

# Field number to (name, wire type, may it stand several times).
Shape = Mapping[int, tuple[str, int, bool]]


@dataclass(slots=True)
class Budget:
    """How many more fields may be read."""

    left: int = _MOST_FIELDS

    def spend(self) -> None:
        """Take one field off.

        Raises:
            ModelRefused: there is none left.
        """
        self.left -= 1
        if self.left < 0:
            raise ModelRefused("the model holds too many parts", reason="too-many-parts")


@dataclass(slots=True)
class Message:
    """The fields of one message, by name; numbers as int, everything else as bytes."""

    values: dict[str, list[int | bytes]] = field(default_factory=dict[str, list[int | bytes]])

    def number(self, name: str, default: int = 0) -> int:
        """A single varint, signed as int64."""
        found = self.values.get(name)
        value = found[0] if found else default
        return value if isinstance(value, int) else default

    def numbers(self, name: str) -> list[int]:
        """A repeated varint, packed or not, signed as int64.

        Raises:
            ModelRefused: it is cut short, or too long.
        """
        result: list[int] = []
        for part in self.values.get(name, ()):
            if isinstance(part, int):
                result.append(part)
            else:
                if len(part) > _LONGEST_PACKED_BYTES:
                    raise ModelRefused(f"{name} is a list too long", reason="too-many-parts")
                position = 0
                while position < len(part):
                    value, position = varint(part, position)
                    result.append(value)
        return result

    def data(self, name: str) -> bytes:
        """A single bytes field; empty when it is not there."""
        found = self.values.get(name)
        value = found[0] if found else b""
        return value if isinstance(value, bytes) else b""

    def all_data(self, name: str) -> list[bytes]:
        """A repeated bytes field."""
        return [part for part in self.values.get(name, ()) if isinstance(part, bytes)]

    def text(self, name: str) -> str:
        """A single string.

        Raises:
            ModelRefused: it is not UTF-8.
        """
        return decode(self.data(name))

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self.values


def read(data: bytes, shape: Shape, budget: Budget, what: str) -> Message:
    """Take a message apart.

    Args:
        shape: the fields that it may have.
        what: how an error calls the message.

    Raises:
        ModelRefused: it is not whole, or holds what `shape` does not allow.
    """
    message = Message()
    for number, wire, value in _fields(data):
        budget.spend()
        known = shape.get(number)
        if known is None:
            raise ModelRefused(
                f"the {what} holds field {number}, which is not allowed", reason="unknown-field"
            )
        name, expected, repeated = known
        # Repeated numbers may be packed into one bytes field.
        if wire != expected and not (repeated and wire == BYTES):
            raise ModelRefused(f"the {what} has a {name} of another type", reason="not-onnx")
        if name in message.values and not repeated:
            raise ModelRefused(f"the {what} has two of {name}", reason="field-twice")
        message.values.setdefault(name, []).append(value)
    return message


def decode(data: bytes) -> str:
    """Bytes as text.

    Raises:
        ModelRefused: they are not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelRefused("a name in the model is not UTF-8", reason="not-onnx") from None


def varint(data: bytes, position: int) -> tuple[int, int]:
    """A varint at a position, as a signed 64-bit number, and the position after it.

    Raises:
        ModelRefused: it is cut short or longer than 64 bits.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _cut()
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return (value - (1 << 64) if value >= 1 << 63 else value), position
    raise ModelRefused("a number in the model is longer than 64 bits", reason="not-onnx")


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    position = 0
    while position < len(data):
        key, position = varint(data, position)
        number, wire = key >> 3, key & 7
        if key < 0 or number == 0:
            raise ModelRefused("this is not an ONNX file", reason="not-onnx")
        if wire == VARINT:
            value, position = varint(data, position)
            yield number, wire, value
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(wire)
        if size is None and wire == BYTES:
            size, position = varint(data, position)
        if size is None:
            raise ModelRefused("this is not an ONNX file", reason="not-onnx")
        if size < 0 or size > len(data) - position:
            raise _cut()
        yield number, wire, data[position : position + size]
        position += size


def _cut() -> ModelRefused:
    return ModelRefused("the model is cut short, or claims more than it holds", reason="cut-short")
