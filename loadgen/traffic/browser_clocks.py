"""The times that browsers write: milliseconds as JavaScript numbers, with each engine's resolution.

Rule: times are whole ticks of 0.1 ms from a document's time origin. Gecko and WebKit measure whole milliseconds. Blink
rounds two readings of the machine's clock to 0.1 ms and subtracts them as doubles (Performance, MonotonicTimeToDOM-
HighResTimeStamp), so most fractions show the rounding of doubles: 83.19999999995343. The size of the rounding depends
on the machine's uptime.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from math import log, log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadgen.scenario import Telemetry
from loadgen.traffic.draws import Bools, Ints, round_off, to_objects
from loadgen.wire.json_templates import Halves

HOUR_MS = 3600 * 1000.0

LEAST_BITS, MOST_BITS = 18, 31
"""Binary logarithms of the least and the longest uptime in milliseconds: 4 minutes and 25 to 50 days."""

BLINK_PAINT_TICKS, OTHER_TICKS = 40, 10
"""Blink rounds paint times to 4 ms (all of 210 recorded FCP and LCP values); other engines measure whole ms."""

Span = tuple[Ints, Ints | int]
"""Durations, one for each load, and the moments at which they begin; in ticks, from the load's time origin."""

COMMON_MS = 10_000
"""Whole numbers of milliseconds below this have their texts in a table."""

PHASES, DIGITS, SIZES = 5, 10, 15
"""A fraction's text depends on the tick at which the span begins modulo 5, on the fraction's digit, and on the bits of
the whole number."""


def _write_fraction(bits: int, phase: int, digit: int, size: int) -> str:
    """Write the fraction behind a whole number of `size` bits, on a machine whose uptime in ms has `bits` bits."""
    whole, uptime = (1 << size) >> 1, float(1 << bits)
    value = (uptime + (phase + 10 * whole + digit) / 10) - (uptime + phase / 10)
    return repr(value).removesuffix(".0").removeprefix(str(whole))


class _Texts(NamedTuple):
    """Tables of texts, which all blocks share."""

    whole: NDArray[np.object_]  # the text of each whole number below COMMON_MS
    size: Ints  # bits of each whole number
    fraction: NDArray[np.object_]  # the text of a fraction, by uptime, phase, digit and size


@cache
def _make_texts() -> _Texts:
    ranges = (range(LEAST_BITS, MOST_BITS + 1), range(PHASES), range(DIGITS), range(SIZES))
    numbers = range(COMMON_MS)
    sizes = np.array([number.bit_length() for number in numbers], dtype=np.int64)
    whole = to_objects([str(number) for number in numbers])
    return _Texts(whole, sizes, to_objects([_write_fraction(*each) for each in product(*ranges)]))


class BrowserClocks:
    """The clocks of a block's loads: each session's machine has an uptime, each load a time origin."""

    def __init__(self, stream: np.random.Generator, session: Ints, blink: Bools, telemetry: Telemetry) -> None:
        """Draw the clocks; `session` has each load's session, `blink` marks the sessions whose browser is a Blink."""
        mean, sigma = log2(telemetry.uptime_hours * HOUR_MS), telemetry.uptime_sigma / log(2)
        bits = round_off(mean + sigma * stream.standard_normal(len(blink)))
        self._bits: Ints = np.clip(bits, LEAST_BITS, MOST_BITS)[session]
        self._origin: Ints = stream.integers(0, PHASES, len(session))
        self._base: Ints = (self._bits - LEAST_BITS) * (PHASES * DIGITS * SIZES)
        self.step: Ints = np.where(blink, 1, OTHER_TICKS)[session]
        self.paint_step: Ints = np.where(blink, BLINK_PAINT_TICKS, OTHER_TICKS)[session]

    def coarsen(self, load: Ints, tick: Ints) -> Ints:
        """Round times down to the resolution of the loads' browsers."""
        return tick - tick % self.step[load]

    def write(self, load: Ints, spans: Sequence[Span]) -> list[Halves]:
        """Write a column of times for each span; one pass over all spans needs the fewest calls of numpy."""
        texts, (tick, since) = _make_texts(), np.empty((2, len(spans), len(load)), dtype=np.int64)
        for number, span in enumerate(spans):
            tick[number], since[number] = span
        whole = tick // 10  # `divmod` and `%` of numpy take three times as long
        common = np.minimum(whole, COMMON_MS - 1)
        phase = self._origin[load] + since
        row = self._base[load] + (phase - phase // PHASES * PHASES) * (DIGITS * SIZES)
        row += (tick - whole * 10) * SIZES + texts.size[common]
        written = list(map(Halves, texts.whole[common].tolist(), texts.fraction[row].tolist()))
        rare = np.nonzero(whole >= COMMON_MS)
        rest = self._write_rare(load[rare[1]], tick[rare], since[rare])
        for column, spot, text in zip(*(each.tolist() for each in rare), rest, strict=True):
            written[column].first[spot], written[column].second[spot] = text, ""
        return written

    def _write_rare(self, load: Ints, tick: Ints, since: Ints) -> list[str]:
        """Write times whose whole milliseconds are not in the table."""
        phase, uptime = (self._origin[load] + since) % PHASES, np.ldexp(1.0, self._bits[load])
        values = (uptime + (phase + tick) / 10) - (uptime + phase / 10)
        return [repr(value).removesuffix(".0") for value in values.tolist()]
