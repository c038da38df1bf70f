"""Batch → Request, signed, and the signature verified: what client and endpoint agree on. Pure."""

from loadgen.wire.dialects import DIALECTS, Destination, Dialect, Encoded, encode
from loadgen.wire.json_templates import read_vital
from loadgen.wire.put_rum_events import Clock

__all__ = ["DIALECTS", "Clock", "Destination", "Dialect", "Encoded", "encode", "read_vital"]
