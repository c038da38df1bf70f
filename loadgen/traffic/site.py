"""A scenario's pages, compiled once for drawing: numbers for numpy, texts for events."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from loadgen.scenario import Scenario
from loadgen.scenario.pages import Page, Pool, placeholders
from loadgen.scenario.think_time import Exponential, Lognormal, ThinkTime, Weibull
from loadgen.traffic.draws import Choice, Floats, zipf
from loadgen.traffic.population import DEVICES, items

TITLE_LIMIT = 256
"""Characters of a metadata value in RUM's schema."""


class Site:
    """The page graph by index: page i is `names[i]`; index `end` is the exit."""

    def __init__(self, scenario: Scenario) -> None:
        self.origin = f"https://{scenario.monitor.domain}"
        self.domain = scenario.monitor.domain
        self.names = list(scenario.pages)
        self.pages: list[Page] = list(scenario.pages.values())
        self.end = len(self.pages)
        self.route = np.array([page.route for page in self.pages])
        self.slowness = np.array([page.slowness for page in self.pages])
        entries = np.array([page.entry for page in self.pages])
        self.entry = Choice(entries if entries.any() else np.eye(1, self.end)[0])
        self.step = Choice([[*(page.to.get(name, 0.0) for name in self.names), page.exit] for page in self.pages])
        self.think = _think_table(scenario, self.pages)
        self._fill_pools(scenario)

    def _fill_pools(self, scenario: Scenario) -> None:
        """Give each placeholder its items, drawn for the scenario's name: another seed visits the same site."""
        self.used = [list(dict.fromkeys(placeholders(page.path))) for page in self.pages]
        names = sorted({name for used in self.used for name in used})
        pools = {name: scenario.pools.get(name, Pool()) for name in names}
        self.items = {name: items(scenario.name, name, pool.size) for name, pool in pools.items()}
        self.slots = max((len(used) for used in self.used), default=0)
        popularity = {name: Choice(zipf(pool.size, pool.zipf)) for name, pool in pools.items()}
        self.popularity = [[popularity[name] for name in used] for used in self.used]
        self.texts = lru_cache(maxsize=65536)(self._texts)

    def _texts(self, page: int, chosen: tuple[int, ...]) -> tuple[str, str]:
        """Path and title of a page whose placeholders have these items."""
        model = self.pages[page]
        path, title = model.path, model.title or self.names[page].replace("_", " ").replace("-", " ").capitalize()
        for name, item in zip(self.used[page], chosen, strict=False):
            slug, words = self.items[name][item]
            path, title = path.replace(f"{{{name}}}", slug), title.replace(f"{{{name}}}", words)
        return path, title[:TITLE_LIMIT]

    def filled(self, text: str, page: int, chosen: tuple[int, ...]) -> str:
        """A text of the page with its placeholders replaced by slugs."""
        if "{" in text:
            for name, item in zip(self.used[page], chosen, strict=False):
                text = text.replace(f"{{{name}}}", self.items[name][item][0])
        return text


def _think_table(scenario: Scenario, pages: list[Page]) -> Floats:
    """Dwell laws as [device, page, (scale, weibull's 1/shape or 0, lognormal's sigma or 0)]."""
    defaults = scenario.population.think_time
    by_device = [defaults.desktop if device == "desktop" else defaults.mobile for device in DEVICES]
    return np.array([[_law(page.think_time or default) for page in pages] for default in by_device])


def _law(think: ThinkTime) -> tuple[float, float, float]:
    """A law as scale, power of an exponential variable, and factor of a normal one in the exponent."""
    match think:
        case Weibull():
            return think.scale, 1 / think.shape, 0.0
        case Lognormal():
            return think.median, 0.0, think.sigma
        case Exponential():
            return think.mean, 1.0, 0.0
