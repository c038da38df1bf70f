"""Locust's OpenTelemetry export carries our figures, and a collector that is not there does no harm."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.jobs.run.test_end_to_end import loadgen
from tests.paths import QUICKSTART

metrics = pytest.importorskip(
    "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2", reason="NOT TESTED: needs locust[otel]"
)
pytestmark = pytest.mark.locust

Series = tuple[str, str]  # who told it, and the name of the requests


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps the latest count of each series of request durations."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.counts: dict[Series, int] = {}

    def take(self, path: str, body: bytes) -> None:
        if path != "/v1/metrics":
            return
        for told in metrics.ExportMetricsServiceRequest.FromString(body).resource_metrics:
            attributes = {each.key: each.value.string_value for each in told.resource.attributes}
            assert attributes["service.name"] == "loadgen"
            for metric in (metric for scope in told.scope_metrics for metric in scope.metrics):
                for point in metric.histogram.data_points:
                    name = {each.key: each.value.string_value for each in point.attributes}["name"]
                    self.counts[attributes["service.instance.id"], name] = point.count


class Taking(BaseHTTPRequestHandler):
    """One export."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Collector)
        self.server.take(self.path, gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def exported(tmp_path: Path, port: int, *options: object) -> tuple[dict[str, object], str]:
    """The summary of a short, throttled run that exports to a port, and what it said."""
    to = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    given = ("--duration", "5s", "--rate", 8, "--seed", 1, "--quota", 2, "--otel", "--out", "run", *options)
    done = loadgen("run", QUICKSTART, *given, cwd=tmp_path, **to)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads((tmp_path / "run" / "summary.json").read_text()), done.stdout


@pytest.mark.parametrize("processes", [1, 2])
def test_the_figures_arrive_under_our_names_from_each_worker(
    tmp_path: Path, collector: Collector, processes: int
) -> None:
    shared = ("--processes", processes) if processes > 1 else ()
    summary, _ = exported(tmp_path, collector.server_port, *shared)
    requests = summary["requests"]
    assert isinstance(requests, dict)
    for name in ("accepted", "throttled"):
        told = [count for (_, what), count in collector.counts.items() if what == name]
        assert sum(told) == requests[name] > 0
    assert len({who for who, _ in collector.counts}) == processes


def test_a_collector_that_is_not_there_is_told_and_does_no_harm(tmp_path: Path) -> None:
    with Collector() as gone:
        port = gone.server_port
    summary, said = exported(tmp_path, port)
    assert summary["ledger"]["agrees"] is True  # type: ignore[index]  # JSON
    assert any("the collector did not take everything" in reason for reason in summary["reasons"])  # type: ignore[attr-defined]  # JSON
    assert "--otel: the collector did not take everything" in " ".join(said.split())
