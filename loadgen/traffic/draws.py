"""What every draw needs: streams of random numbers, categorical and Zipf laws, UUIDs, times as JavaScript prints them.

One seed → random streams, each named by what it is for and which block of session indices it covers.

Rule: a stream's name depends neither on the worker nor on the order of calls, so every worker draws the same numbers
for a session. `pause` is called whenever a stream is opened and between the pieces of long lists, so that a caller can
do other work in between.
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
"""Ids that are written between two pauses; they take less than a millisecond."""

BLOCK = 128
"""Sessions that are drawn together."""

PIECE = 500
"""Objects that are made between two pauses: below a millisecond."""

Made = TypeVar("Made")
Pause = Callable[[], None]


def do_not_pause() -> None:
    """A pause that does nothing."""


class BlockStream:
    """One purpose's Philox counter, moved from block to block: making one anew takes four times as long."""

    def __init__(self, name: str) -> None:
        key = np.frombuffer(blake2b(name.encode(), digest_size=16).digest(), dtype="<u8").astype(np.uint64)
        self._bits = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def at(self, block: int) -> np.random.Generator:
        """The generator at the block's own place."""
        self._start["state"]["counter"][2] = block
        self._bits.state = self._start
        return self._generator


class Seeds:
    """The streams of one run: Philox counters, keyed by seed and purpose, at the block's own place.

    `owner` names the scenario and its app monitor, to whom the ids belong.
    """

    def __init__(self, seed: int, pause: Pause | None = None, owner: str = "") -> None:
        self.seed, self.pause, self._owner = seed, pause or do_not_pause, owner
        self._streams: dict[str, BlockStream] = {}

    def stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """The generator for one purpose and block, at its beginning; the purpose's generator for another block ends."""
        self.pause()
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = BlockStream(f"{self.seed}/{purpose}")
        return stream.at(block)

    def id_stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """The generator for ids of one purpose and block: no two owners have ids in common, whatever their seeds."""
        return self.stream(f"{self._owner}/{purpose}", block)

    def list_all(self, made: Iterable[Made], piece: int = PIECE) -> list[Made]:
        """Everything that an iterator makes, with a pause after each piece."""
        if self.pause is do_not_pause:
            return list(made)
        source, found = iter(made), []
        while some := list(islice(source, piece)):
            found += some
            self.pause()
        return found


VISITORS, FAR_ODDS = 64, 20.0
"""Kinds of visitors over which exits are averaged, and log-odds beyond which nobody stays or nobody leaves."""


class BlockSeeds:
    """The streams of one block; `prefix` is what their names begin with."""

    def __init__(self, seeds: Seeds, block: int, prefix: str = "") -> None:
        self._seeds, self._block, self._prefix = seeds, block, prefix
        self.pause, self.list_all = seeds.pause, seeds.list_all

    def stream(self, purpose: str) -> np.random.Generator:
        """The block's generator for one purpose."""
        return self._seeds.stream(self._prefix + purpose, self._block)

    def id_stream(self, purpose: str) -> np.random.Generator:
        """The block's generator for ids of one purpose."""
        return self._seeds.id_stream(self._prefix + purpose, self._block)

    def with_prefix(self, prefix: str) -> BlockSeeds:
        """The block's streams whose names begin with this in place of what theirs begin with."""
        return BlockSeeds(self._seeds, self._block, prefix)


class Choice:
    """A categorical law for each row of a table of weights, drawn for many rows at once."""

    def __init__(self, weights: ArrayLike) -> None:
        table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        rows, self.width = len(table), len(table[0])
        cumulative = np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
        last = self.width - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
        cumulative[np.arange(self.width) >= last[:, None]] = 1.0
        self._edges = (cumulative + np.arange(rows)[:, None]).ravel()
        self._listed: Sequence[float] = self._edges.tolist()

    def pick(self, uniform: Floats, row: Ints | int = 0) -> Ints:
        """The category of each uniform number in its row."""
        picked: Ints = np.searchsorted(self._edges, row + uniform, side="right") - np.asarray(row) * self.width
        return picked

    def pick_one(self, uniform: float, row: int) -> int:
        """The category of one number: `pick` takes twenty times as long."""
        return bisect_right(self._listed, row + uniform) - row * self.width


class NextPage:
    """What follows each page: another one, or the exit, whose weight is the last of a page's.

    The weights of a page add up to 1. Unrest multiplies the odds of leaving; its logarithm differs between visitors
    with a standard deviation of `spread`, and the weight of the exit is the mean over all of them.
    """

    def __init__(self, weights: list[list[float]], spread: float) -> None:
        exits = [row[-1] for row in weights]
        self._law, self._stay = Choice(weights), [1 - each for each in exits]
        self._leave: list[float] = _center_exits(np.array(exits), spread).tolist()

    def draw(self, page: int, uniform: float, unrest: float) -> int:
        """The index of the page that follows one, or that behind all pages for the exit."""
        leave, stay = self._leave[page], self._stay[page]
        staying = (1 - leave) / (1 - leave + leave * unrest or 1.0)
        if not uniform < staying:  # or it is no number, as of 0 times infinity
            return self._law.width - 1
        return self._law.pick_one(min(uniform / staying * stay, nextafter(stay, 0.0)), page)


def _center_exits(mean: Floats, spread: float) -> Floats:
    """The exits of a visitor in the middle, when visitors' log-odds of leaving differ by `spread`: the mean is kept."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(VISITORS)
    weights = weights / weights.sum()
    log_odds = np.linspace(-FAR_ODDS, FAR_ODDS, 4001)
    means = (1 / (1 + np.exp(-log_odds[:, None] - spread * nodes))) @ weights
    center = 1 / (1 + np.exp(-np.interp(mean, means, log_odds)))
    return np.where((mean <= 0) | (mean >= 1) | (spread == 0), mean, center)


def weigh_ranks(size: int, exponent: float) -> Floats:
    """Popularity of ranks 1 to size, adding up to 1 (Breslau et al. 1999: Zipf-like below 1)."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def draw_hex_texts(generator: np.random.Generator, count: int, digits: int, rows: Ints | None = None) -> list[str]:
    """Random lower-case hex numbers of an even number of digits, of all rows or of some."""
    drawn = np.frombuffer(generator.bytes(digits // 2 * count), dtype=np.uint8).reshape(count, digits // 2)
    text = (drawn if rows is None else drawn[rows]).tobytes().hex()
    return [text[at : at + digits] for at in range(0, len(text), digits)]


def draw_uuids(
    generator: np.random.Generator, count: int, rows: Ints | None = None, pause: Pause = do_not_pause
) -> list[str]:
    """Version 4 UUIDs (RFC 9562) of all rows, or of the rows that are given."""
    # as 64-bit numbers they are drawn in half the time of bytes, and picked in a tenth
    drawn = generator.integers(0, 2**64, (count, 2), dtype=np.uint64).astype("<u8", copy=False)
    raw = (drawn if rows is None else drawn.take(rows, axis=0)).view(np.uint8)
    found: list[str] = []
    for begin in range(0, len(raw), WRITTEN_AT_ONCE):
        found += write_uuids(raw[begin : begin + WRITTEN_AT_ONCE])
        pause()
    return found


def to_objects(values: list[Any]) -> NDArray[np.object_]:
    """A list as an array of objects, which a column of indices selects from."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def round_down(values: NDArray[Any]) -> Ints:
    """The whole numbers below."""
    whole: Ints = np.floor(values).astype(np.int64)
    return whole


def round_off(values: NDArray[Any]) -> Ints:
    """The nearest whole numbers."""
    whole: Ints = np.rint(values).astype(np.int64)
    return whole


def to_ticks(milliseconds: Floats) -> Ints:
    """Milliseconds as whole ticks of 0.1 ms."""
    return round_off(milliseconds * 10)


def write_number(value: float) -> str:
    """A number as JavaScript prints it: 2.5, 3."""
    return str(value).removesuffix(".0")


def find_begins(session: Ints, sessions: int) -> Ints:
    """Where each session's rows begin among rows sorted by session, shape (sessions + 1,); the last is the end."""
    return np.searchsorted(session, np.arange(sessions + 1))
