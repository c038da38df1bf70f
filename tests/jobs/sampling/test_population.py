"""The population is what the web client would record."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen import client, traffic
from loadgen.jobs.sampling.population import SessionPopulation, draw_population
from loadgen.scenario import Scenario


def test_what_is_recorded_is_what_the_client_sends(storefront: Scenario) -> None:
    """In visits without expiry: an unsampled session is not renewed, so at a lower rate the next one begins sooner."""
    settings = storefront.client.model_copy(update={"sessionLengthSeconds": 1e6})
    short = storefront.adjust(duration=10).model_copy(update={"client": settings})
    drawn = draw_population(short, 7, 20_000)
    for rate in (0.05, 0.3, 1.0):
        sent = [client.plan(session, short.client, rate).batches for session in traffic.draw_sessions(short, 7)]
        events = sum(len(batch.events) for batches in sent for batch in batches)
        assert drawn.events[drawn.draw < rate].sum() == events


def test_sampling_is_within_binomial_bounds(population: SessionPopulation) -> None:
    """Sessions recorded at each rate: within three standard errors."""
    for rate in (0.01, 0.1, 0.5):
        recorded = (population.draw < rate).sum()
        assert recorded == pytest.approx(
            population.sessions * rate, abs=3 * np.sqrt(population.sessions * rate * (1 - rate))
        )


def test_of_a_long_run_a_part_is_drawn(storefront: Scenario) -> None:
    drawn = draw_population(storefront, 7, 1500)
    assert drawn.visits < 1700
    assert drawn.expected == pytest.approx(10_050)
