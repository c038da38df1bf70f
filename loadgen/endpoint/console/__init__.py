"""The endpoint's page: what CloudWatch's own RUM console shows, and what a developer needs beside it."""

from loadgen.endpoint.console.console import Console

__all__ = ["Console"]
