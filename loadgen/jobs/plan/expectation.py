"""What a run will send, known before it sends a byte: the same sessions through the same client, on no clock at all."""

from __future__ import annotations

from itertools import islice

from loadgen import client, traffic
from loadgen.model import Noun
from loadgen.scenario import Scenario

REHEARSED_SESSIONS = 20_000


class Expectation(Noun):
    """Requests and events of first attempts, due before the run's end."""

    sessions: int
    requests: int
    events: int
    exact: bool  # False: the first sessions were rehearsed and the rest extrapolated


def expect(scenario: Scenario, seed: int) -> Expectation:
    """Rehearse a scenario's sessions; exact for a seed up to 20,000 sessions, in proportion above."""
    requests = events = rehearsed = 0
    sessions = traffic.sessions(scenario, seed, only_recordable=True)
    for session in islice(sessions, REHEARSED_SESSIONS):
        rehearsed += 1
        for batch in client.plan(session, scenario.client, scenario.monitor.sample_rate).batches:
            if batch.due < scenario.duration:
                requests += 1
                events += len(batch.events)
    if next(sessions, None) is None:
        return Expectation(rehearsed, requests, events, True)
    total = traffic.rate(scenario).expected
    return Expectation(round(total), round(requests * total / rehearsed), round(events * total / rehearsed), False)
