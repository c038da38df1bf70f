"""`--otel`: Locust's own OpenTelemetry export, with defaults that suit a load generator.

Rule: OTEL_ variables that the environment sets come first. The default is HTTP, because a gRPC call blocks gevent's
loop, and so the run, until the collector answers. There are no spans: a request is a figure here, not a trace.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from loadgen.errors import LoadgenError

DEFAULTS = {
    "OTEL_SERVICE_NAME": "loadgen",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",  # seconds to wait for the collector; then the figures are dropped
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRIC_EXPORT_INTERVAL": "10000",  # milliseconds
}
EXPORTER, LOST = "opentelemetry", ("Failed to export", "Exception while exporting")


def check_installed() -> None:
    """Raise LoadgenError if the packages that Locust's export needs are missing."""
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise LoadgenError("--otel: OpenTelemetry is not installed; pip install 'locust[otel]'")


def find_complaint(log: Path) -> str | None:
    """Return a line if Locust's log says that the collector did not take all figures; else None."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        failures = [line for line in lines if EXPORTER in line and any(word in line for word in LOST)]
    if not failures:
        return None
    reason = failures[0].partition(f"{LOST[0]} ")[2].strip()[:120] or "an exception"
    return f"--otel: the collector did not take everything ({reason}; {len(failures)} times, see {log.name})"
