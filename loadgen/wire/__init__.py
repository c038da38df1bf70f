"""Batch → Request, signed, and the signature verified: what client and endpoint agree on. Pure."""

from loadgen.wire.json_templates import read_vital
from loadgen.wire.put_rum_events import Clock, Destination, Encoded, encode

__all__ = [
    "Clock",
    "Destination",
    "Encoded",
    "encode",
    "read_vital",
]
