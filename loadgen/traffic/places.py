"""Countries: languages, distance from the site, local time and daily activity. The figures are estimates."""

from __future__ import annotations

import numpy as np

from loadgen.scenario import Day
from loadgen.traffic.draws import Floats

LANGUAGES = {
    "US": {"en-US": 90, "es-US": 7, "zh-CN": 1, "en-GB": 2}, "GB": {"en-GB": 92, "en-US": 6, "pl-PL": 2},
    "IN": {"en-IN": 55, "en-US": 15, "hi-IN": 25, "en-GB": 5}, "DE": {"de-DE": 90, "en-US": 6, "tr-TR": 4},
    "CA": {"en-CA": 55, "en-US": 20, "fr-CA": 25}, "FR": {"fr-FR": 94, "en-US": 6}, "AU": {"en-AU": 85, "en-US": 15},
    "BR": {"pt-BR": 97, "en-US": 3}, "JP": {"ja-JP": 97, "en-US": 3}, "NL": {"nl-NL": 85, "en-US": 15},
    "ES": {"es-ES": 88, "ca-ES": 7, "en-US": 5}, "IT": {"it-IT": 96, "en-US": 4}, "MX": {"es-MX": 95, "en-US": 5},
    "SG": {"en-SG": 60, "en-US": 20, "zh-CN": 20}, "ZA": {"en-ZA": 80, "en-US": 15, "af-ZA": 5},
    "NG": {"en-NG": 60, "en-US": 25, "en-GB": 15}, "KR": {"ko-KR": 96, "en-US": 4}, "SE": {"sv-SE": 90, "en-US": 10},
    "PL": {"pl-PL": 95, "en-US": 5}, "IE": {"en-IE": 70, "en-GB": 25, "en-US": 5},
    "NZ": {"en-NZ": 85, "en-US": 15}, "ID": {"id-ID": 90, "en-US": 10},
}  # fmt: skip
"""Weights of browser languages by country; estimates. The language of all other countries is en-US."""

FIREFOX_LANGUAGES = frozenset({"en-US", "en-GB", "en-CA", "es-ES", "es-MX", "pt-BR", "zh-CN", "hi-IN", "sv-SE"})
"""The languages of Firefox builds that name a region (Mozilla's list of locales); others name none: de, fr, ja."""

DISTANCE = {
    "US": 1.0, "CA": 1.0, "MX": 1.2, "BR": 1.7, "GB": 1.2, "IE": 1.2, "FR": 1.2, "DE": 1.2, "NL": 1.2, "ES": 1.3,
    "IT": 1.3, "SE": 1.3, "PL": 1.3, "JP": 1.5, "KR": 1.5, "SG": 1.7, "AU": 1.7, "NZ": 1.8, "ZA": 2.2, "NG": 2.5,
    "IN": 2.2, "ID": 2.2,
}  # fmt: skip
"""Factor on network times by country, for a site with a CDN in North America; an estimate."""
FAR = 1.7  # for a country that is missing in DISTANCE

UTC_OFFSET = {
    "US": -6, "CA": -5, "MX": -6, "BR": -3, "GB": 0, "IE": 0, "FR": 1, "DE": 1, "NL": 1, "ES": 1, "IT": 1, "SE": 1,
    "PL": 1, "JP": 9, "KR": 9, "SG": 8, "AU": 10, "NZ": 12, "ZA": 2, "NG": 1, "IN": 5.5, "ID": 7,
}  # fmt: skip
"""Hours from UTC to local winter time where most people of a country live; 0 for a country that is missing here."""


def find_firefox_language(language: str) -> str:
    """Return the language that Firefox reports for a visitor's language: Firefox reports that of its build."""
    if language in FIREFOX_LANGUAGES:
        return language
    if language == "es-US":
        return "es-MX"
    return "en-US" if language.startswith("en-") else language.partition("-")[0]


def compute_distances(countries: list[str], mass: Floats) -> Floats:
    """Compute each country's factor on network times, with geometric mean 1 over the visitors (weights `mass`)."""
    distance = np.array([DISTANCE.get(country, FAR) for country in countries])
    return np.asarray(distance / np.exp(np.average(np.log(distance), weights=mass)), dtype=np.float64)


def compute_activity(day: Day, countries: list[str], at: Floats) -> Floats:
    """Compute how active each country (row) is at each run second of `at` (column); the mean over a week is 1."""
    offsets = np.array([UTC_OFFSET.get(country, 0) for country in countries], dtype=np.float64)
    local = (day.start_hour + offsets[:, None] + at / 3600) % 168
    week = np.where(local >= 120, day.weekend, 1.0) * 7 / (5 + 2 * day.weekend)
    return np.asarray(week * _compute_hour(day, local % 24), dtype=np.float64)


def _compute_hour(day: Day, hour: Floats) -> Floats:
    """Compute the activity at a local hour: half a cosine from trough to peak, half a cosine back; the mean is 1."""
    rise = (day.peak_hour - day.trough_hour) % 24 or 12.0
    since = (hour - day.trough_hour) % 24
    way = np.where(since < rise, since / rise, 1 + (since - rise) / (24 - rise))
    low, high = 2 / (1 + day.ratio), 2 * day.ratio / (1 + day.ratio)
    return np.asarray(low + (high - low) * (1 - np.cos(np.pi * way)) / 2, dtype=np.float64)
