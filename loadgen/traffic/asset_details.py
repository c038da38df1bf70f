"""performance_resource details as text: all but two times and a hero's URL is the same each time a file is fetched."""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import Resource
from loadgen.traffic.assets import Assets
from loadgen.traffic.draws import Bools, Ints, objects, told
from loadgen.traffic.seeds import Seeds
from loadgen.wire.json_templates import PLACEHOLDER, Template

KNOWN = 65536
"""Heroes' texts that are kept."""


class Fetched(NamedTuple):
    """Files that loads fetched, as columns."""

    asset: Ints  # row in Assets
    cached: Bools
    start: Ints  # ticks from navigation start
    length: Ints


class AssetDetails:
    """The texts of a site's files."""

    def __init__(self, assets: Assets, record_url: bool) -> None:
        self._assets, self._record_url = assets, record_url
        rows = range(len(assets.kind))
        self._heads = objects([self._pieces(row, False)[0] for row in rows])
        self._middle = self._pieces(0, False)[1] if rows else ""
        self._tails = objects([self._pieces(row, cached)[2] for cached in (False, True) for row in rows])
        self._hero = lru_cache(maxsize=KNOWN)(lambda row, cached, url: self._pieces(row, cached, url)[2])

    def _pieces(self, row: int, cached: bool, url: str | None = None) -> list[str]:
        """What stands before, between and behind start and duration."""
        assets = self._assets
        size = 0 if cached else int(assets.size[row])
        target = (url or assets.urls[row]) if self._record_url else UNSET
        return Template(
            Resource(assets.initiators[row], PLACEHOLDER, PLACEHOLDER, assets.types[row], size, target)
        ).pieces

    def texts(self, seeds: Seeds, fetched: Fetched, hero_urls: list[str]) -> list[str]:
        """One text for each file; `hero_urls` are those of the heroes among them, in their order."""
        asset, cached = fetched.asset, fetched.cached
        tails = self._tails[asset + cached * len(self._assets.kind)]
        own = np.flatnonzero(self._assets.hero[asset])
        rows = zip(own.tolist(), asset[own].tolist(), cached[own].tolist(), hero_urls, strict=True)
        for place, row, kept, url in rows:
            tails[place] = self._hero(row, kept, url)
        seeds.pause()
        start, length = told(fetched.start), told(fetched.length)
        seeds.pause()
        parts = zip(self._heads[asset].tolist(), start, repeat(self._middle), length, tails.tolist(), strict=False)
        return seeds.listed(map("".join, parts))
