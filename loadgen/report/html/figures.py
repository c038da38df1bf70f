"""Numbers as people read them, with units that do not leave them at a line's end; a dash where there is none."""

from __future__ import annotations

from math import isfinite

NONE = "–"


def known(value: float | None) -> bool:
    """Whether there is a number at all."""
    return value is not None and isfinite(value)


def count(value: float | None) -> str:
    """A whole number with separators: 12,345."""
    return f"{value:,.0f}" if value is not None and isfinite(value) else NONE


def short(value: float | None) -> str:
    """Three digits with k, M or G: 12.3k."""
    if value is None or not isfinite(value):
        return NONE
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            scale = unit if letter != "k" else 1e3
            return f"{three(value / scale)}{letter}"
    return three(value)


def three(value: float) -> str:
    """Three digits: 0.123, 1.23, 12.3, 123, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rate(value: float | None) -> str:
    """Something a second."""
    return f"{short(value)}/s" if known(value) else NONE


def milliseconds(value: float | None) -> str:
    """A duration in milliseconds with the unit that fits: 850 µs, 1.23 ms, 2.8 s."""
    if value is None or not isfinite(value):
        return NONE
    if 0 < value < 1:
        return f"{value * 1000:.3g} µs"
    return f"{value:.3g} ms" if value < 999.5 else f"{three(value / 1000)} s"


def per_cent(value: float | None) -> str:
    """A share to three digits: 31.5 %."""
    return f"{three(value * 100)} %" if value is not None and isfinite(value) else NONE


def share(some: float, whole: float) -> str:
    """A part in per cent; never 0 % or 100 % of what is neither."""
    if not whole:
        return NONE
    if some in (0, whole):
        return "100 %" if some else "0 %"
    part = some / whole
    if 0 < part < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 < part < 1 else f"{part:.1%}".replace("%", " %")


def moment(seconds: float) -> str:
    """A time from the run's zero: 0:05, 12:30, 1:02:03."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    clock = f"{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{clock}" if hours else clock


def memory(value: float | None) -> str:
    """Bytes with a binary unit: 128 MiB."""
    if value is None or not isfinite(value):
        return NONE
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if abs(value) >= unit:
            return f"{three(value / unit)} {name}"
    return f"{value:.0f} B"
