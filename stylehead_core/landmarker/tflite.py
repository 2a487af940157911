"""Minimal reader of TFLite files: the operations in order of execution, with their constants.

A TFLite file is one flatbuffer: tables whose fields are found through a table of offsets. Field numbers are those of
TensorFlow's public ``schema.fbs`` (version 3).
"""

import struct
from dataclasses import dataclass

import numpy as np

from ..errors import WeightsError

__all__ = ["Operation", "operations"]

_TYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}
_DEQUANTIZE = 6
_NAMES = {2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 18: "MUL", 54: "PRELU"}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the graph."""

    name: str  # as in TFLite's list of operators; operators that we do not need are called OTHER
    constants: tuple[np.ndarray, ...]  # the constant inputs, in order


def operations(data: bytes) -> list[Operation]:
    """Read the operations of a TFLite file's first graph, in order; float16 constants are converted to float32.

    Raises:
        WeightsError: ``data`` is not a TFLite file, or damaged.
    """
    if data[4:8] != b"TFL3":
        raise WeightsError(f"Expected a TFLite file (mark TFL3), found {data[4:8]!r}.")
    try:
        return _read(data)
    except (struct.error, IndexError, ValueError, KeyError) as error:
        raise WeightsError(f"The TFLite file is cut short or damaged: {error}.") from error


def _read(data: bytes) -> list[Operation]:
    model = _Table(data, _Table.at(data, 0))
    codes = [max(code.byte(0), code.int32(3)) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)
    constants: dict[int, np.ndarray] = {}
    for index, tensor in enumerate(tensors):
        values = buffers[tensor.int32(2)].bytes(0)
        if values:
            kind = _TYPES[tensor.byte(1)]
            constants[index] = np.frombuffer(values, kind).reshape(tensor.int32s(0))
    found = []
    for operator in graph.tables(3):
        code, inputs, outputs = codes[operator.int32(0)], operator.int32s(1), operator.int32s(2)
        if code == _DEQUANTIZE and inputs[0] in constants:
            constants[outputs[0]] = constants[inputs[0]].astype(np.float32)
            continue
        given = tuple(constants[i] for i in inputs if i in constants)
        found.append(Operation(name=_NAMES.get(code, "OTHER"), constants=given))
    return found


class _Table:
    """Flatbuffer table: fields by number, with a default where a field is not stored."""

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.start = data, start
        offsets = start - struct.unpack_from("<i", data, start)[0]
        size = struct.unpack_from("<H", data, offsets)[0]
        self.fields = struct.unpack_from(f"<{(size - 4) // 2}H", data, offsets + 4)

    @staticmethod
    def at(data: bytes, position: int) -> int:
        """Follow the offset stored at ``position``."""
        return position + struct.unpack_from("<I", data, position)[0]

    def position(self, field: int) -> int | None:
        offset = self.fields[field] if field < len(self.fields) else 0
        return self.start + offset if offset else None

    def byte(self, field: int) -> int:
        position = self.position(field)
        return 0 if position is None else struct.unpack_from("<b", self.data, position)[0]

    def int32(self, field: int) -> int:
        position = self.position(field)
        return 0 if position is None else struct.unpack_from("<i", self.data, position)[0]

    def vector(self, field: int) -> tuple[int, int]:
        """Start and number of the elements of a vector."""
        position = self.position(field)
        if position is None:
            return 0, 0
        start = self.at(self.data, position)
        return start + 4, struct.unpack_from("<I", self.data, start)[0]

    def int32s(self, field: int) -> tuple[int, ...]:
        start, count = self.vector(field)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def bytes(self, field: int) -> bytes:
        start, count = self.vector(field)
        if start + count > len(self.data):
            raise IndexError(f"{count} bytes asked for at {start} of {len(self.data)}")
        return self.data[start : start + count]

    def tables(self, field: int) -> list["_Table"]:
        start, count = self.vector(field)
        return [_Table(self.data, self.at(self.data, start + 4 * i)) for i in range(count)]
