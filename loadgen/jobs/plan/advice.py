"""Advice from a plan's figures: which quota to request, and which sample rate fits a budget or a wanted precision.

Rule: cost grows with the sample rate and precision with the square root of the recorded sessions, so both follow from
the figures at sample rate 1, and the precision from a sample of its sessions; the quota that the advised rate needs is
simulated. Advised figures are rounded to the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from loadgen.jobs.plan.double_sampling import CONFIDENCE
from loadgen.jobs.plan.figures import Advice, CapacityPlan, RatePoint
from loadgen.model import Session
from loadgen.rum.events import JS_ERROR, LCP
from loadgen.rum.quotas import REQUESTS_QUOTA_CODE
from loadgen.units import format_dollars, format_percent
from loadgen.verb_options import PlanOptions
from loadgen.wire import read_vital

QUOTA_STEP = 5  # a quota to request is a multiple of this
DEFAULT_PRECISION = 0.05  # wanted precision if neither a budget nor a precision is given


class PrecisionEstimator:
    """An estimator of the precision of a site's figures by number of recorded sessions, made from some sessions.

    Each precision is half the 95 % interval, relative to the figure.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        lcp = [_find_first_lcp(session) for session in sessions]
        self._lcp = np.array([value for value in lcp if value is not None])
        self._with_lcp = len(self._lcp) / len(sessions) if sessions else 0.0
        failing = [any(event.type == JS_ERROR for load in visit.loads for event in load.events) for visit in sessions]
        self._failing = sum(failing) / len(sessions) if sessions else 0.0

    def estimate_p75_lcp(self, recorded: float) -> float | None:
        """Estimate the precision of p75 LCP; None with less than one LCP.

        Only the first LCP of a session counts, because the values of one visit are alike.
        """
        with_lcp = recorded * self._with_lcp
        if with_lcp < 1:
            return None
        low, middle, high = np.quantile(self._lcp, (0.7, 0.75, 0.8))
        return CONFIDENCE * math.sqrt(0.75 * 0.25 / with_lcp) * float(high - low) / 0.1 / float(middle)

    def estimate_error_share(self, recorded: float) -> float | None:
        """Estimate the precision of the share of sessions with JavaScript errors; None if no session has any."""
        if recorded < 1 or not self._failing:
            return None
        return CONFIDENCE * math.sqrt((1 - self._failing) / (self._failing * recorded))


def _find_first_lcp(session: Session) -> float | None:
    values = (read_vital(event) for load in session.loads for event in load.events if event.type == LCP)
    return next((vital[1] for vital in values if vital is not None), None)


def advise(needed_quota: int, options: PlanOptions, measure: Callable[[float], RatePoint]) -> Advice:
    """Return the advice for a load that needs this quota; `measure` gives the figures at a sample rate."""
    full = measure(1.0)
    wanted = options.wanted_precision
    if options.budget is None and wanted is None:
        wanted = DEFAULT_PRECISION
    affordable = 1.0 if options.budget is None else find_affordable_rate(options.budget, full, options)
    precise = 1.0 if wanted is None else find_precise_rate(wanted, full)
    rate = min(affordable, precise)
    point = measure(rate) if rate else None
    return Advice(
        quota_needed=needed_quota,
        margin=options.margin,
        quota_to_request=add_margin(needed_quota, options.margin),
        growth=options.growth,
        weekday_peak=options.weekday_peak,
        budget=options.budget,
        wanted_precision=wanted,
        sample_rate=rate,
        dollars_per_month=max(full.events_per_month * rate - options.free_events, 0.0) * options.price,
        p75_lcp_interval=point.p75_lcp_interval if point else None,
        js_error_interval=point.js_error_interval if point else None,
        quota_at_sample_rate=add_margin(point.quota_needed, options.margin) if point else 0,
    )


def add_margin(quota: int, margin: float) -> int:
    """Return a needed quota plus a relative margin, rounded up to a multiple of QUOTA_STEP."""
    return math.ceil(quota * (1 + margin) / QUOTA_STEP) * QUOTA_STEP


def find_affordable_rate(budget: float, full: RatePoint, options: PlanOptions) -> float:
    """Return the highest sample rate, to two digits, that costs at most `budget` dollars a month; 1 at most."""
    paid = budget / options.price + options.free_events if options.price else math.inf
    return 1.0 if paid >= full.events_per_month else round_to_two_digits(paid / full.events_per_month, math.floor)


def find_precise_rate(wanted: float, full: RatePoint) -> float:
    """Return the lowest sample rate, to two digits, at which a day's figures are as precise as wanted; else 1."""
    widths = [width for width in (full.p75_lcp_interval, full.js_error_interval) if width is not None]
    return min(round_to_two_digits((max(widths) / wanted) ** 2, math.ceil), 1.0) if widths else 1.0


def round_to_two_digits(value: float, rounding: Callable[[float], int]) -> float:
    """Round a positive value to two significant digits with `rounding` (floor or ceil); other values give 0."""
    if value <= 0:
        return 0.0
    digits = 1 - math.floor(math.log10(value))
    return float(round(rounding(round(value * 10.0**digits, 6)) / 10.0**digits, digits))


def write_advice(plan: CapacityPlan) -> tuple[str, str]:
    """Return two sentences: which quota to request, and which sample rate to set."""
    return _write_quota_sentence(plan), _write_rate_sentence(plan.advice)


def _write_quota_sentence(plan: CapacityPlan) -> str:
    advice, quota = plan.advice, plan.throttling.quota
    if advice.quota_to_request <= quota:
        start = f"The quota of {quota:g} requests a second is enough"
    else:
        start = (
            f"Request a quota of {advice.quota_to_request:,} requests a second (Service Quotas {REQUESTS_QUOTA_CODE})"
        )
    included = [
        *([f"growth of {format_percent(advice.growth)}"] if advice.growth else []),
        *([f"a busiest weekday of {advice.weekday_peak:g} mean days"] if advice.weekday_peak > 1 else []),
    ]
    what = f", with {' and '.join(included)}" if included else ""
    return (
        f"{start}: {advice.quota_needed:,} lose at most {plan.need.lost_share:.2%} of the events{what}, "
        f"{advice.quota_to_request:,} leave a margin of {format_percent(advice.margin)}."
    )


def _write_rate_sentence(advice: Advice) -> str:
    if not advice.sample_rate:
        return "Sample rate: the budget pays for no event; give a higher --budget."
    known = {"p75 LCP": advice.p75_lcp_interval, "share of sessions with JS errors": advice.js_error_interval}
    precision = " and ".join(f"{name} to ±{width:.1%}" for name, width in known.items() if width is not None)
    budget = f" of the {format_dollars(advice.budget)} allowed" if advice.budget is not None else ""
    text = (
        f"Record {format_percent(advice.sample_rate)} of the sessions (--sample-rate {advice.sample_rate:g}) for "
        f"{format_dollars(advice.dollars_per_month)} a month{budget}, under a quota of {advice.quota_at_sample_rate:,}"
    )
    if not precision:
        return f"{text}."
    text += f": a day then gives its {precision}"
    widest = max(width for width in known.values() if width is not None)
    if advice.wanted_precision is not None and widest > advice.wanted_precision:
        reason = "all its sessions tell" if advice.sample_rate == 1 else "the budget pays for"
        text += f"; ±{format_percent(advice.wanted_precision)} is more than {reason}"
    return f"{text}."
