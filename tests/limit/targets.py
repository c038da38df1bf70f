"""Targets to search on a clock that jumps: a token bucket, a queue before a few workers, a slow generator."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from loadgen.limit import RateWindow
from loadgen.rum.quotas import TokenBucket

SETTLE, HOLD, MOST_PRIMING = 1.0, 10.0, 60.0


class Target:
    """Evenly spaced requests in windows of ten seconds; the target keeps its state between them."""

    def __init__(self, own_ceiling: float = float("inf")) -> None:
        self.now = 0.0
        self.windows = 0
        self._ceiling = own_ceiling

    def __call__(self, rate: float, prime: float | None) -> RateWindow:
        self.windows += 1
        if prime is not None:
            self.empty(prime)
        reached = min(rate, self._ceiling)
        self.settle(reached)
        count = max(int(reached * HOLD), 1)
        begin = self.now
        answers = [self.ask(begin + number / reached) for number in range(count)]
        self.now = begin + HOLD
        latency = np.array([done - (begin + number / reached) for number, (_, done) in enumerate(answers)])
        accepted = sum(taken for taken, _ in answers)
        return RateWindow(
            rate=rate,
            offered=reached,
            accepted=accepted / HOLD,
            throttled_share=1 - accepted / count,
            failed_share=0.0,
            answered_share=sum(done <= self.now for _, done in answers) / count,
            p50_ms=float(np.quantile(latency, 0.5)) * 1000,
            p99_ms=float(np.quantile(latency, 0.99)) * 1000,
            lag_p99_ms=0.0 if reached == rate else 5000.0,
            primed=prime is not None,
            sent_share=reached / rate,
        )

    def ask(self, at: float) -> tuple[bool, float]:
        """Whether a request is accepted, and when it is answered."""
        raise NotImplementedError

    def settle(self, rate: float) -> None:
        """Send a little before it counts."""
        for number in range(int(rate * SETTLE)):
            self.ask(self.now + number / rate)
        self.now += SETTLE

    def empty(self, rate: float) -> None:
        """Send until something is throttled."""
        until = self.now + MOST_PRIMING
        while self.now < until and self.ask(self.now)[0]:
            self.now += 1 / rate


class Bucket(Target):
    """A quota of requests a second with a burst."""

    def __init__(self, quota: float, burst: float, own_ceiling: float = float("inf")) -> None:
        super().__init__(own_ceiling)
        self._bucket = TokenBucket(quota, burst)

    def ask(self, at: float) -> tuple[bool, float]:
        return self._bucket.take(at) == 0.0, at + 0.002


class Queue(Target):
    """So many workers that each take a fixed time a request; whoever comes waits in line, and a pause empties it."""

    def __init__(self, workers: int, service_seconds: float) -> None:
        super().__init__()
        self._free = [0.0] * workers
        self._service = service_seconds

    def __call__(self, rate: float, prime: float | None) -> RateWindow:
        self.now = max(self.now, *self._free)
        return super().__call__(rate, prime)

    def ask(self, at: float) -> tuple[bool, float]:
        done = max(heapq.heappop(self._free), at) + self._service
        heapq.heappush(self._free, done)
        return True, done


class Moody:
    """Another target whose windows now and then measure something else altogether."""

    def __init__(self, target: Target, share: float, seed: int, spoil: Callable[[RateWindow], RateWindow]) -> None:
        self._target, self._share, self._spoil = target, share, spoil
        self._stream = np.random.default_rng(seed)

    def __call__(self, rate: float, prime: float | None) -> RateWindow:
        window = self._target(rate, prime)
        return self._spoil(window) if self._stream.random() < self._share else window
