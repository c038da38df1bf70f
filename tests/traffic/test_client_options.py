"""What a site's configuration of the client adds: time to interactive; and what other people's servers keep from it."""

from __future__ import annotations

from loadgen import traffic
from loadgen.rum.events import FCP, RESOURCE, TTI
from tests.traffic.conftest import SEED
from tests.traffic.look import kinds, seen, small


def test_time_to_interactive_comes_after_five_quiet_seconds() -> None:
    assert TTI not in kinds(traffic.draw_sessions(small(), SEED))
    found = 0
    for session in seen(small(timeToInteractive=True), SEED):
        for load in session.loads:
            told = {event.type: event for event in load.events if event.type in (TTI, FCP)}
            if TTI in told:
                found += 1
                value = told[TTI].details["value"]
                assert isinstance(value, int) and value + 1 >= told[FCP].details.value
                assert told[TTI].at - load.at > 4.99 + value / 1000
    assert found > 100


def test_some_third_parties_tell_no_sizes() -> None:
    """Without Timing-Allow-Origin transferSize is 0, while the duration is told."""
    sizes: dict[str, set[int]] = {}
    for session in seen(small("[telemetry.resources]\nscript = 14"), SEED):
        for event in (event for load in session.loads for event in load.events if event.type == RESOURCE):
            host = event.details.targetUrl.split("/")[2]
            sizes.setdefault(host, set()).add(event.details.transferSize)
    others = {host for host in sizes if host != "shop.example.com"}
    assert {host for host in others if sizes[host] == {0}} and {host for host in others if len(sizes[host]) > 1}
