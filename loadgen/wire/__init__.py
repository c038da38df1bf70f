"""Batch → Request and back, signed and verified: what client and endpoint agree on. Pure."""
