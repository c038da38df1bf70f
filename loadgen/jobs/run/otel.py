"""`--otel`: Locust's own OpenTelemetry export, with defaults that suit a load generator.

Rule: OTEL_ variables that somebody has set win. By default over HTTP: a gRPC call holds gevent's loop, and so the run,
until the collector answers. No spans, since a request here is a figure and not a trace.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from loadgen.errors import LoadgenError

DEFAULTS = {
    "OTEL_SERVICE_NAME": "loadgen",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",  # seconds, after which what a collector does not take is dropped
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRIC_EXPORT_INTERVAL": "10000",  # milliseconds
}
EXPORTER, LOST = "opentelemetry", ("Failed to export", "Exception while exporting")


def check_installed() -> None:
    """Whether Locust will find what it needs."""
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise LoadgenError("--otel: OpenTelemetry is not installed; pip install 'locust[otel]'")


def find_complaint(log: Path) -> str | None:
    """A line on what a collector did not take, if Locust's log tells of any."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        told = [line for line in lines if EXPORTER in line and any(word in line for word in LOST)]
    if not told:
        return None
    reason = told[0].partition(f"{LOST[0]} ")[2].strip()[:120] or "an exception"
    return f"--otel: the collector did not take everything ({reason}; {len(told)} times, see {log.name})"
