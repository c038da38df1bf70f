"""What the event families share: categorical and Zipf laws, UUIDs, and milliseconds as JavaScript prints them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadgen.traffic.seeds import Pause, do_not_pause

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TICKS = 10_000
"""Ticks in a second: browsers measure in 0.1 ms, and whole ticks add up exactly."""

WRITTEN_AT_ONCE = 2000
"""Ids that are written between two pauses; they take less than a millisecond."""

COMMON_TICKS = 100_000
"""Ticks whose texts are cached: 10 s."""

TENTHS = ("", *(f".{tenth}" for tenth in range(1, 10)))

UUID_GROUPS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
"""Digits between the dashes of a UUID."""


class Choice:
    """A categorical law for each row of a table of weights, drawn for many rows at once."""

    def __init__(self, weights: ArrayLike) -> None:
        table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        rows, self.width = table.shape
        cumulative = np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
        last = self.width - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
        cumulative[np.arange(self.width) >= last[:, None]] = 1.0
        self._edges = (cumulative + np.arange(rows)[:, None]).ravel()

    def pick(self, uniform: Floats, row: Ints | int = 0) -> Ints:
        """The category of each uniform number in its row."""
        picked: Ints = np.searchsorted(self._edges, row + uniform, side="right") - np.asarray(row) * self.width
        return picked


def weigh_ranks(size: int, exponent: float) -> Floats:
    """Popularity of ranks 1 to size, adding up to 1 (Breslau et al. 1999: Zipf-like below 1)."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _draw_bytes(generator: np.random.Generator, count: int, width: int, rows: Ints | None) -> NDArray[np.uint8]:
    """Random bytes of `count` rows, or of the rows that are given."""
    drawn = np.frombuffer(generator.bytes(width * count), dtype=np.uint8).reshape(count, width)
    return drawn.copy() if rows is None else drawn[rows]


def draw_hex_texts(generator: np.random.Generator, count: int, digits: int, rows: Ints | None = None) -> list[str]:
    """Random lower-case hex numbers of an even number of digits, of all rows or of some."""
    text = _draw_bytes(generator, count, digits // 2, rows).tobytes().hex()
    return [text[at : at + digits] for at in range(0, len(text), digits)]


def draw_uuids(
    generator: np.random.Generator, count: int, rows: Ints | None = None, pause: Pause = do_not_pause
) -> list[str]:
    """Version 4 UUIDs (RFC 9562) of all rows, or of the rows that are given."""
    raw = _draw_bytes(generator, count, 16, rows)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    found: list[str] = []
    for begin in range(0, len(raw), WRITTEN_AT_ONCE):
        found += _write_uuids(raw[begin : begin + WRITTEN_AT_ONCE])
        pause()
    return found


def _write_uuids(raw: NDArray[np.uint8]) -> list[str]:
    """16 bytes a row as UUIDs."""
    digits = np.frombuffer(raw.tobytes().hex().encode("ascii"), dtype=np.uint8).reshape(-1, 32)
    text = np.full((len(raw), 37), ord("-"), dtype=np.uint8)
    text[:, 36] = ord("\n")  # splitting is twice as quick as slicing
    for group, (start, stop) in enumerate(UUID_GROUPS):
        text[:, start + group : stop + group] = digits[:, start:stop]
    return text.tobytes().decode("ascii").splitlines()


def to_objects(values: list[Any]) -> NDArray[np.object_]:
    """A list as an array of objects, which a column of indices selects from."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def to_ticks(milliseconds: Floats) -> Ints:
    """Milliseconds as whole ticks of 0.1 ms."""
    return np.rint(milliseconds * 10).astype(np.int64)


def write_ms(tick: Ints) -> list[str]:
    """Ticks as the milliseconds that JavaScript prints: 83, 83.1."""
    texts = _keep_common_texts()[np.clip(tick, 0, COMMON_TICKS - 1)]
    rare = np.flatnonzero((tick >= COMMON_TICKS) | (tick < 0))
    if len(rare):
        texts[rare] = [str(value / 10).removesuffix(".0") for value in tick[rare].tolist()]
    return cast(list[str], texts.tolist())


def write_numbers(values: Floats) -> list[str]:
    """Numbers of few digits as JavaScript prints them: 2.5, 3."""
    return [str(value).removesuffix(".0") for value in values.tolist()]


@lru_cache(maxsize=1)
def _keep_common_texts() -> NDArray[np.object_]:
    """The texts of the ticks that most events have."""
    return to_objects([f"{whole}{tenths}" for whole in range(COMMON_TICKS // 10) for tenths in TENTHS])


def find_begins(session: Ints, sessions: int) -> Ints:
    """Where each session's rows begin among rows sorted by session, shape (sessions + 1,); the last is the end."""
    return np.searchsorted(session, np.arange(sessions + 1))
