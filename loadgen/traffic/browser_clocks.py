"""How browsers write times: milliseconds as JavaScript numbers, with each engine's resolution.

Rule: times are whole ticks of 0.1 ms from a document's time origin. Gecko and WebKit measure whole milliseconds. Blink
coarsens two readings of the machine's clock to 0.1 ms and subtracts them as doubles (Performance, MonotonicTimeToDOM-
HighResTimeStamp), so most fractions carry the doubles' rounding: 83.19999999995343. How much depends on how long the
machine has been up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadgen.traffic.draws import Bools, Ints, round_off, to_objects
from loadgen.wire.json_templates import Halves

LEAST_BITS, MOST_BITS = 18, 31
"""Binary logarithms of the least and the longest uptime in milliseconds: 4 minutes and 25 to 50 days."""

BLINK_PAINT_TICKS, OTHER_TICKS = 40, 10
"""Blink coarsens paint times to 4 ms (all of 210 recorded FCP and LCP values); the others measure whole ms."""

Span = tuple[Ints, Ints | int]
"""Times of some loads, and from when each of them counts; both in ticks from the load's time origin."""

COMMON_MS = 10_000
"""Whole milliseconds whose texts are kept."""

PHASES, DIGITS, SIZES = 5, 10, 15
"""A fraction depends on the tick where it begins modulo 5, on its digit, and on the bits of the whole number."""


def _write_fraction(bits: int, phase: int, digit: int, size: int) -> str:
    """What follows the whole number, of `size` bits, on a machine whose uptime has so many bits."""
    whole, uptime = (1 << size) >> 1, float(1 << bits)
    value = (uptime + (phase + 10 * whole + digit) / 10) - (uptime + phase / 10)
    return repr(value).removesuffix(".0").removeprefix(str(whole))


class _Texts(NamedTuple):
    """Tables that all blocks share."""

    whole: NDArray[np.object_]
    size: Ints  # of each whole number, in bits
    fraction: NDArray[np.object_]  # by uptime, phase, digit and size


@cache
def _keep_texts() -> _Texts:
    ranges = (range(LEAST_BITS, MOST_BITS + 1), range(PHASES), range(DIGITS), range(SIZES))
    numbers = range(COMMON_MS)
    sizes = np.array([number.bit_length() for number in numbers], dtype=np.int64)
    whole = to_objects([str(number) for number in numbers])
    return _Texts(whole, sizes, to_objects([_write_fraction(*each) for each in product(*ranges)]))


class BrowserClocks:
    """The clocks behind a block's loads: a machine's uptime by session, a time origin by load."""

    def __init__(self, stream: np.random.Generator, session: Ints, blink: Bools, uptime: tuple[float, float]) -> None:
        """`session` is that of each load, `blink` says of each session whether its engine is Blink.

        `uptime` is the binary logarithm of the machines' median uptime in milliseconds, and its standard deviation.
        """
        bits = round_off(uptime[0] + uptime[1] * stream.standard_normal(len(blink)))
        self._bits: Ints = np.clip(bits, LEAST_BITS, MOST_BITS)[session]
        self._origin: Ints = stream.integers(0, PHASES, len(session))
        self._base: Ints = (self._bits - LEAST_BITS) * (PHASES * DIGITS * SIZES)
        self.step: Ints = np.where(blink, 1, OTHER_TICKS)[session]
        self.paint_step: Ints = np.where(blink, BLINK_PAINT_TICKS, OTHER_TICKS)[session]

    def coarsen(self, load: Ints, tick: Ints) -> Ints:
        """Times as the loads' browsers measure them."""
        return tick - tick % self.step[load]

    def write(self, load: Ints, spans: Sequence[Span]) -> list[Halves]:
        """Write a column of times for each span; all at once, as few of numpy's calls take longer than to be made."""
        texts, (tick, since) = _keep_texts(), np.empty((2, len(spans), len(load)), dtype=np.int64)
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
        """Times whose whole milliseconds have no text yet."""
        phase, uptime = (self._origin[load] + since) % PHASES, np.ldexp(1.0, self._bits[load])
        values = (uptime + (phase + tick) / 10) - (uptime + phase / 10)
        return [repr(value).removesuffix(".0") for value in values.tolist()]
