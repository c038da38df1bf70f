"""Batch → signed Request, and the check of a request's signature: the format that client and endpoint share. Pure."""

from loadgen.wire.dialects import DIALECTS, Destination, Encoded, encode
from loadgen.wire.json_templates import read_vital
from loadgen.wire.put_rum_events import Clock

__all__ = ["DIALECTS", "Clock", "Destination", "Encoded", "encode", "read_vital"]
