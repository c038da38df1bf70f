"""How numbers are read and written: paces, durations, counts, shares, times, bytes, money.

Rule: each `parse_*` returns a number and raises a ValueError that says what to write instead. Each `format_*` returns
text, the same for terminals, logs and pages, and a dash for a number that is None, infinite or NaN.
"""

from __future__ import annotations

import re
from math import inf, isfinite, nan
from typing import NamedTuple

NONE = "–"  # in place of a number that is missing, infinite or NaN

NAMED_PACES = {"realtime": 1.0, "max": inf}  # as fast as possible is an infinite factor

DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

COUNT = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?) ?([kKMG]?)")
THOUSANDS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}


def parse_pace(text: str) -> float:
    """Read a pace, the scenario seconds that pass in one second: `realtime`, a factor such as `10x`, or `max`."""
    if text in NAMED_PACES:
        return NAMED_PACES[text]
    factor = _parse_number(text.removesuffix("x"))
    if not 0 < factor < inf:
        raise ValueError(f"{text!r} is no pace; write realtime, max, or a factor such as 10x")
    return factor


def parse_duration(text: str) -> float:
    """Read a duration in seconds, 0 or more: a number, or a number with a unit such as 250ms, 90s, 5m, 2h, 7d."""
    matched = DURATION.fullmatch(text.strip())
    seconds = float(matched[1]) * SECONDS[matched[2]] if matched else _parse_number(text)
    if not 0 <= seconds < inf:
        raise ValueError(f"{text!r} is no duration; write seconds, or a number with a unit such as 90s, 5m, 2h, 7d")
    return seconds


def parse_count(text: str) -> float:
    """Read a count, 0 or more: a number, with k, M or G for thousands, millions and thousand millions, as 500k."""
    matched = COUNT.fullmatch(text.strip())
    count = float(re.sub("[_,]", "", matched[1])) * THOUSANDS[matched[2]] if matched else inf
    if not isfinite(count):
        raise ValueError(f"{text!r} is no count; write a number such as 12000, 500k or 2M")
    return count


BEYOND_USE = 1e12  # a bound that is so high is named to people only where it is exceeded


class Bounds(NamedTuple):
    """What numbers an option takes; None is no bound."""

    low: float | None = None
    high: float | None = None
    is_open: bool = False  # whether `low` itself is too low
    is_whole: bool = False

    def holds(self, number: float) -> bool:
        """Whether a number is within the bounds."""
        low = -inf if self.low is None else self.low
        high = inf if self.high is None else self.high
        return (low < number if self.is_open else low <= number) and number <= high

    def __str__(self) -> str:
        low, high = (None if bound is None else f"{bound:.15g}" for bound in (self.low, self.high))
        kind = "a whole number" if self.is_whole else "a number"
        if self.is_open:
            return f"{kind} above {low}" + (f", at most {high}" if high else "")
        return f"{kind} from {low} to {high}" if high else f"{kind} of {low or 0} or more"


def parse_number(text: str, bounds: Bounds) -> float:
    """Read a count within bounds; a whole one is an int. ValueError says what to write instead."""
    try:
        number = int(text) if bounds.is_whole and text.isascii() and text.isdigit() else parse_count(text)
    except ValueError:
        if bounds.high is None or bounds.high >= BEYOND_USE:
            raise
        number = inf
    if bounds.is_whole and isfinite(number) and number % 1:
        raise ValueError(f"{text!r} is no whole number; write {bounds}")
    if not bounds.holds(number):
        if bounds.high is not None and number <= bounds.high >= BEYOND_USE:
            bounds = bounds._replace(high=None)
        raise ValueError(f"{text!r} is out of range; write {bounds}")
    return int(number) if bounds.is_whole else number


def parse_share(text: str) -> float:
    """Read a share from 0 to 1, such as 0.001 or 0.1%."""
    share = _parse_part(text)
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no share; write one such as 0.001 or 0.1%")
    return share


def parse_quota(text: str) -> float | None:
    """Read a quota in requests a second, above 0; None for `off`."""
    try:
        rate = None if text == "off" else parse_count(text)
    except ValueError:
        rate = 0.0
    if rate == 0:
        raise ValueError(f"{text!r} is no quota; write requests per second such as 50, or off")
    return rate


MOST_SECONDS = 366 * 86400.0  # the longest run or period


def parse_length(text: str) -> float:
    """Read the length of a run or a period in seconds, above 0 and at most 366 days: such as 90s, 5m, 2h."""
    seconds = parse_seconds(text)
    if not seconds:
        raise ValueError(f"{text!r} is too short; write seconds, or a number with a unit such as 90s, 5m, 2h")
    return seconds


def parse_seconds(text: str) -> float:
    """Read a time that may be none, at most 366 days: such as 0, 60 or 2m."""
    seconds = parse_duration(text)
    if seconds > MOST_SECONDS:
        raise ValueError(f"{text!r} is too long; write at most 366d")
    return seconds


def parse_rates(text: str) -> tuple[float, ...]:
    """Read sample rates that commas separate, each above 0 and at most 1."""
    try:
        rates = tuple(parse_share(part.strip()) for part in text.split(","))
    except ValueError:
        rates = (0.0,)
    if not all(rates):
        raise ValueError(f"{text!r} is no list of sample rates; write shares such as 0.01,0.1,1")
    return rates


def parse_percent(text: str) -> float:
    """Read a part of a whole that may be larger than the whole, such as 1.3 or 130%."""
    part = _parse_part(text)
    if not isfinite(part):
        raise ValueError(f"{text!r} is no percentage; write one such as 30% or 0.3")
    return part


def check_pace(text: str) -> str:
    """Return the text of a pace unchanged; raise ValueError where `parse_pace` does."""
    parse_pace(text)
    return text


def check_form(form: str, name: str, instead: str, text: str) -> str:
    """Return text unchanged if the regular expression `form` matches it; else raise ValueError.

    The message calls the text `name` and suggests `instead`.
    """
    if not re.fullmatch(form, text):
        raise ValueError(f"{text!r} is no {name}; write {instead}")
    return text


def _parse_part(text: str) -> float:
    """Read a part of a whole, such as 0.3 or 30%; NaN for other text."""
    return _parse_number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


def _parse_number(text: str) -> float:
    """Read a number; NaN, which is in no range, for other text."""
    try:
        return float(text)
    except ValueError:
        return nan


def format_digits(value: float | None, digits: int = 3) -> str:
    """Write a number to three significant digits, whole from 100 on: 0.123, 1.23, 12.3, 123, 1,234."""
    if value is None or not isfinite(value):
        return NONE
    if abs(value) < 1e-4:  # where Python would write an exponent
        return "0"
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def format_count(value: float | None) -> str:
    """Write a whole number with separators: 12,345."""
    return f"{value:,.0f}" if value is not None and isfinite(value) else NONE


def format_items(value: float | None, item: str) -> str:
    """Write a whole number of items, whose name is given in the singular: 1 request, 12,345 requests, 2 batches."""
    plural = f"{item}es" if item.endswith("ch") else f"{item}s"
    count = format_count(value)
    return f"{count} {item if count == '1' else plural}"


def format_short(value: float | None, digits: int = 3) -> str:
    """Write a number to three digits, with k, M or G from ten thousand on: 12.3k."""
    if value is None or not isfinite(value):
        return NONE
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            return f"{format_digits(value / THOUSANDS[letter], digits)}{letter}"
    return format_digits(value, digits)


def format_rate(value: float | None) -> str:
    """Write a rate a second: 12.3k/s."""
    return f"{format_short(value)}/s" if value is not None and isfinite(value) else NONE


def format_milliseconds(value: float | None) -> str:
    """Write milliseconds in the unit that fits: 850 µs, 1.23 ms, 2.8 s."""
    if value is None or not isfinite(value):
        return NONE
    if 0 < value < 1:
        return f"{value * 1000:.3g} µs"
    return f"{value:.3g} ms" if value < 999.5 else f"{format_digits(value / 1000)} s"


def format_duration(seconds: float | None) -> str:
    """Write seconds in at most two units: 1.5 s, 45 s, 1 min 30 s, 2 h, 1 d 12 h."""
    if seconds is None or not isfinite(seconds):
        return NONE
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _join_units((minutes, "min"), (rest, "s"))
    hours, rest = divmod(round(seconds / 60), 60)
    if hours < 24:
        return _join_units((hours, "h"), (rest, "min"))
    days, rest = divmod(round(seconds / 3600), 24)
    return _join_units((days, "d"), (rest, "h"))


def _join_units(large: tuple[int, str], small: tuple[int, str]) -> str:
    return " ".join(f"{count} {unit}" for count, unit in (large, small) if count)


def write_duration(seconds: float) -> str:
    """Write seconds as `parse_duration` reads them, in the largest unit without a fraction: 7d, 6h, 90m, 114s, 1.5s."""
    unit = next((unit for unit in "dhm" if seconds and not seconds % SECONDS[unit]), "s")
    return f"{seconds / SECONDS[unit]:.12g}{unit}"


def format_clock(seconds: float) -> str:
    """Write a moment, in seconds from a run's zero, as a clock: 0:05, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def format_percent(value: float | None) -> str:
    """Write a factor or a relative width in per cent, to three digits: 31.5%."""
    return f"{format_digits(value * 100)}%" if value is not None and isfinite(value) else NONE


def format_share(part: float, whole: float = 1.0) -> str:
    """Write a part of a whole in per cent: 31.5%; 0% and 100% only if the part is nothing or the whole."""
    if not whole:
        return NONE
    if part in (0, whole):
        return "100%" if part else "0%"
    share = part / whole
    if 0 < share < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 < share < 1 else f"{share:.1%}"


def format_bytes(value: float | None) -> str:
    """Write bytes with a decimal unit: 134 MB."""
    if value is None or not isfinite(value):
        return NONE
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= unit:
            return f"{format_digits(value / unit)} {name}"
    return f"{value:.0f} B"


def format_dollars(value: float | None) -> str:
    """Write dollars, with cents below ten: $1.23, $1,234."""
    if value is None or not isfinite(value):
        return NONE
    return f"${value:,.2f}" if value < 9.995 else f"${value:,.0f}"
