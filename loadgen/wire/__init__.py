"""Batch → Request and back, signed and verified: what client and endpoint agree on. Pure."""

from loadgen.wire.json_templates import read_vital
from loadgen.wire.put_rum_events import Clock, Destination, Encoded, encode
from loadgen.wire.received import PutRumEvents, RumEvent, WireError, decode, inflate

__all__ = [
    "Clock",
    "Destination",
    "Encoded",
    "PutRumEvents",
    "RumEvent",
    "WireError",
    "decode",
    "encode",
    "inflate",
    "read_vital",
]
