"""Tools for drawing: streams of random numbers, categorical and Zipf laws, UUIDs, ticks, numbers as JavaScript writes.

A seed gives many random streams; a stream's name says its purpose and the block of sessions that it is for.

Rule: a stream's name depends neither on the worker nor on the order of calls, so every worker draws the same numbers
for a session. `pause` is called whenever a stream is opened and between the pieces of long lists, so that a caller can
do other work meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from math import nextafter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadgen.ids import write_uuids

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TICKS = 10_000
"""Ticks in a second: browsers measure in 0.1 ms, and whole ticks add up exactly."""

WRITTEN_AT_ONCE = 2000
"""How many ids are written between two pauses; they take less than a millisecond."""

BLOCK = 128
"""How many sessions are drawn together."""

PIECE = 500
"""How many objects are made between two pauses; they take less than a millisecond."""

Made = TypeVar("Made")
Pause = Callable[[], None]


def do_not_pause() -> None:
    """Do nothing: a pause without other work."""


class BlockStream:
    """The random generator of one purpose, which is moved from block to block: a new one takes four times as long."""

    def __init__(self, name: str) -> None:
        key = np.frombuffer(blake2b(name.encode(), digest_size=16).digest(), dtype="<u8").astype(np.uint64)
        self._bits = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def move_to(self, block: int) -> np.random.Generator:
        """Return the generator, moved to the beginning of a block's numbers."""
        self._start["state"]["counter"][2] = block
        self._bits.state = self._start
        return self._generator


class Seeds:
    """The random streams of one run: Philox generators with a key of seed and purpose and a counter for each block.

    `owner` names the scenario and its app monitor; ids are drawn from streams of their owner.
    """

    def __init__(self, seed: int, pause: Pause | None = None, owner: str = "") -> None:
        self.seed, self.pause, self._owner = seed, pause or do_not_pause, owner
        self._streams: dict[str, BlockStream] = {}

    def stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """Return the generator of a purpose at the beginning of a block; it is no longer usable for other blocks."""
        self.pause()
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = BlockStream(f"{self.seed}/{purpose}")
        return stream.move_to(block)

    def id_stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """Return the generator of ids of a purpose and block: no two owners have an equal id, whatever their seeds."""
        return self.stream(f"{self._owner}/{purpose}", block)

    def list_all(self, made: Iterable[Made], piece: int = PIECE) -> list[Made]:
        """Return all objects that an iterator makes as a list, with a pause after each piece."""
        if self.pause is do_not_pause:
            return list(made)
        source, objects = iter(made), []
        while some := list(islice(source, piece)):
            objects += some
            self.pause()
        return objects


VISITORS, FAR_ODDS = 64, 20.0
"""How many kinds of visitors exits are averaged over, and log-odds beyond which all visitors stay, or all leave."""


class BlockSeeds:
    """The random streams of one block, whose names begin with `prefix`."""

    def __init__(self, seeds: Seeds, block: int, prefix: str = "") -> None:
        self._seeds, self._block, self._prefix = seeds, block, prefix
        self.pause, self.list_all = seeds.pause, seeds.list_all

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the block's generator for one purpose."""
        return self._seeds.stream(self._prefix + purpose, self._block)

    def id_stream(self, purpose: str) -> np.random.Generator:
        """Return the block's generator for ids of one purpose."""
        return self._seeds.id_stream(self._prefix + purpose, self._block)

    def with_prefix(self, prefix: str) -> BlockSeeds:
        """Return the block's streams whose names begin with another prefix."""
        return BlockSeeds(self._seeds, self._block, prefix)


class Choice:
    """Categorical distributions, one for each row of a table of weights (a column for each category)."""

    def __init__(self, weights: ArrayLike) -> None:
        table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        rows, self.width = len(table), len(table[0])
        cumulative = np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
        last = self.width - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
        cumulative[np.arange(self.width) >= last[:, None]] = 1.0
        self._edges = (cumulative + np.arange(rows)[:, None]).ravel()
        self._listed: Sequence[float] = self._edges.tolist()

    def pick(self, uniform: Floats, row: Ints | int = 0) -> Ints:
        """Return the category that each uniform number in [0, 1) picks by the weights of its row."""
        picked: Ints = np.searchsorted(self._edges, row + uniform, side="right") - np.asarray(row) * self.width
        return picked

    def pick_one(self, uniform: float, row: int) -> int:
        """Return the category that one uniform number picks; `pick` would take twenty times as long for it."""
        return bisect_right(self._listed, row + uniform) - row * self.width


class NextPage:
    """The law of the page that follows each page, or of the exit, which is the last weight of a page.

    The weights of a page add up to 1. `unrest` multiplies the odds of leaving. Visitors differ in its logarithm by a
    standard deviation of `spread`, and the weight of the exit is the mean over all visitors.
    """

    def __init__(self, weights: list[list[float]], spread: float) -> None:
        exits = [row[-1] for row in weights]
        self._law, self._stay = Choice(weights), [1 - each for each in exits]
        self._leave: list[float] = _center_exits(np.array(exits), spread).tolist()

    def draw(self, page: int, uniform: float, unrest: float) -> int:
        """Draw the index of the page that follows `page`; the exit has the index behind all pages."""
        leave, stay = self._leave[page], self._stay[page]
        staying = (1 - leave) / (1 - leave + leave * unrest or 1.0)
        if not uniform < staying:  # true for NaN too, which 0 times infinity gives
            return self._law.width - 1
        return self._law.pick_one(min(uniform / staying * stay, nextafter(stay, 0.0)), page)


def _center_exits(mean: Floats, spread: float) -> Floats:
    """Return the exit probabilities of the median visitor, so that the mean over all visitors is `mean`.

    The visitors' log-odds of leaving are normally distributed with standard deviation `spread`.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(VISITORS)
    weights = weights / weights.sum()
    log_odds = np.linspace(-FAR_ODDS, FAR_ODDS, 4001)
    means = (1 / (1 + np.exp(-log_odds[:, None] - spread * nodes))) @ weights
    center = 1 / (1 + np.exp(-np.interp(mean, means, log_odds)))
    return np.where((mean <= 0) | (mean >= 1) | (spread == 0), mean, center)


def weigh_ranks(size: int, exponent: float) -> Floats:
    """Return the popularity of ranks 1 to `size`, which adds up to 1 (Zipf-like, Breslau et al. 1999)."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def draw_hex_texts(generator: np.random.Generator, count: int, digits: int, rows: Ints) -> list[str]:
    """Draw `count` random lower-case hex texts with an even number of digits; return those of `rows`."""
    drawn = np.frombuffer(generator.bytes(digits // 2 * count), dtype=np.uint8).reshape(count, digits // 2)
    text = drawn[rows].tobytes().hex()
    return [text[at : at + digits] for at in range(0, len(text), digits)]


def draw_uuids(
    generator: np.random.Generator, count: int, rows: Ints | None = None, pause: Pause = do_not_pause
) -> list[str]:
    """Draw `count` version 4 UUIDs (RFC 9562); return those of `rows`, or all."""
    # 64-bit numbers take half the time of bytes to draw, and a tenth to pick
    drawn = generator.integers(0, 2**64, (count, 2), dtype=np.uint64).astype("<u8", copy=False)
    raw = (drawn if rows is None else drawn.take(rows, axis=0)).view(np.uint8)
    uuids: list[str] = []
    for begin in range(0, len(raw), WRITTEN_AT_ONCE):
        uuids += write_uuids(raw[begin : begin + WRITTEN_AT_ONCE])
        pause()
    return uuids


def to_objects(values: list[Any]) -> NDArray[np.object_]:
    """Turn a list into an array of objects, which an array of indices can select from."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def round_down(values: NDArray[Any]) -> Ints:
    """Round each number down to a whole number."""
    whole: Ints = np.floor(values).astype(np.int64)
    return whole


def round_off(values: NDArray[Any]) -> Ints:
    """Round each number to the nearest whole number."""
    whole: Ints = np.rint(values).astype(np.int64)
    return whole


def to_ticks(milliseconds: Floats) -> Ints:
    """Convert milliseconds to whole ticks of 0.1 ms."""
    return round_off(milliseconds * 10)


def write_number(value: float) -> str:
    """Write a number as JavaScript does: 2.5, 3."""
    return str(value).removesuffix(".0")


def find_begins(session: Ints, sessions: int) -> Ints:
    """Find where the rows of each session begin among rows sorted by session; shape (sessions + 1,), the end last."""
    return np.searchsorted(session, np.arange(sessions + 1))
