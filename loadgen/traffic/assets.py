"""The site's files: which files each page fetches, their sizes and their hosts. They are made once for a site."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, get_args

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import HEADER_BYTES, Resource
from loadgen.scenario import FileKind, PageSpec, Resources
from loadgen.traffic.draws import Bools, Ints, to_objects
from loadgen.wire.json_templates import PLACEHOLDER, Template

KINDS = ("stylesheet", "script", "font", "image", "document", "other")
STYLESHEET, SCRIPT, FONT, IMAGE, FRAME, MEDIA = range(6)
FOLDERS = ("css", "js", "fonts", "img", "embed", "media")
INITIATORS = ("link", "script", "css", "img", "iframe", "video")
SUFFIXES = ("css", "js", "woff2", "jpg", "html", "mp4")
SPECIAL = {"head": "woff", "icons": "svg", "logo": "png"}
"""Suffixes of files by name. The client infers a file's type from its suffix, and takes .woff2 for a style sheet."""

FROM_STYLESHEETS = frozenset({"icons"})
"""Names of images that a style sheet asks for; their initiator is "css"."""

SPARE = 4
"""How many more images a page has than the client records: which images come first differs from load to load."""

LN_KB = ((2.1, 1.2), (1.526, 2.0), (3.135, 0.96), (2.08, 1.8), (3.56, 1.15), (6.5, 1.0))
"""By kind of file: mean and standard deviation of the natural logarithm of a response's size in KB. Source: Web Almanac
2025, with shorter tails; style sheets and videos are estimates."""

OPEN_HOSTS = 3
"""One third party in three sends no Timing-Allow-Origin, so that the browser hides the sizes of its files. Estimate."""

HEADED = 2
"""How many images come before a page's largest one: an image of the style sheet, and the logo."""

HERO, FAVICON, CLIENT = "hero", "favicon", "cwr"
NAMES = {
    SCRIPT: (CLIENT, "vendor", "app"),
    STYLESHEET: ("main", "theme"),
    FONT: ("text", "head"),
    IMAGE: ("icons", "logo"),
}
"""Names of the first shared files; the web client is one of the site's scripts."""

TAKEN = frozenset({HERO, FAVICON, *KINDS, *(name for names in NAMES.values() for name in names)})
"""Names of shared files, or beginnings of them: a page with such a name gets other names for its own files."""


class Asset(NamedTuple):
    """One file of the site."""

    kind: int
    name: str
    url: str
    initiator: str
    size: int  # bytes on the wire


class Assets:
    """The files of all pages as columns: page p has the rows from begins[p] to before begins[p + 1]."""

    def __init__(self, stream: np.random.Generator, origin: str, hosts: list[str]) -> None:
        self._stream, self._origin, self._hosts = stream, origin, hosts
        self._closed = tuple(f"https://{host}/" for host in hosts[::OPEN_HOSTS])
        self._shared: dict[tuple[int, int], Asset] = {}

    def lay_out(self, pages: dict[str, PageSpec], default: Resources, image_limit: int) -> None:
        """Make the files of every page; of images only a few more than the client records."""
        counts = [page.resources or default for page in pages.values()]
        by_page = [self._make_files(name, each, image_limit) for name, each in zip(pages, counts, strict=True)]
        sizes = _read_sizes(by_page, counts)
        files = [asset._replace(size=sizes.get(asset.url, asset.size)) for each in by_page for asset in each]
        self.begins: Ints = np.concatenate(([0], np.cumsum([len(each) for each in by_page], dtype=np.int64)))
        self.kind: Ints = np.array([asset.kind for asset in files], dtype=np.int64)
        self.size: Ints = np.array([asset.size for asset in files], dtype=np.int64)
        self.opaque = [asset.url.startswith(self._closed) for asset in files]
        self.hero: Bools = np.array([asset.name == HERO for asset in files], dtype=bool)
        self.client: Bools = np.array([asset.name == CLIENT for asset in files], dtype=bool)
        self.favicon: Bools = np.array([asset.name == FAVICON for asset in files], dtype=bool)
        common = {asset.url for asset in self._shared.values()}
        self.shared: Bools = np.array([asset.name == FAVICON or asset.url in common for asset in files], dtype=bool)
        on_pages = [{asset.url for asset in each} for each in by_page]
        # [file, page]: whether the page has the file
        self.on_page: Bools = np.array([[asset.url in urls for urls in on_pages] for asset in files], dtype=bool)
        # the different sets of pages that files are on, [set, page], and the number of each file's set
        self.page_sets, self.page_set = np.unique(self.on_page, axis=0, return_inverse=True)
        self.limited: Bools = np.isin(self.kind, (IMAGE, MEDIA))
        self.styled: Bools = np.array([asset.initiator == "css" for asset in files], dtype=bool)
        # whether each file is an image, frame or video that the markup names
        self.named: Bools = np.isin(self.kind, (IMAGE, FRAME, MEDIA)) & ~self.styled & ~self.favicon
        others = self.named & ~self.hero
        groups = (others & self.shared, others & ~self.shared, self.hero)
        # [group, page]: how many images a page names: images that all pages share, its own images, its largest image
        self.images: Ints = np.array(
            [[group[begin:end].sum() for begin, end in pairwise(self.begins)] for group in groups], dtype=np.int64
        )
        self.urls = to_objects([asset.url for asset in files])
        self.initiators = to_objects([asset.initiator for asset in files])
        self.types = to_objects([_find_type(asset) for asset in files])

    def _make_files(self, page: str, counts: Resources, image_limit: int) -> list[Asset]:
        numbers = [
            counts.stylesheet, counts.script, counts.font, min(counts.image, image_limit + SPARE),
            counts.iframe, counts.media,
        ]  # fmt: skip
        return [
            asset for kind, number in enumerate(numbers) for asset in self._make_kind(page, kind, number, counts.shared)
        ]

    def _make_kind(self, page: str, kind: int, number: int, shared_part: float) -> list[Asset]:
        """Make a page's files of one kind: first shared files, then its own; its largest image follows the head's."""
        if kind in (FRAME, MEDIA):
            return [
                self._make_asset(kind, f"{page}-{index}", host=self._find_host(kind, index)) for index in range(number)
            ]
        common = number if kind == FONT else round(number * shared_part)
        stem = f"{page}-page" if page in TAKEN else page
        own = [self._make_asset(kind, f"{stem}-{index}" if index else stem) for index in range(number - common)]
        shared = [self._find_common(kind, index) for index in range(common)]
        if kind != IMAGE or not number:
            return shared + own
        hero = self._make_asset(IMAGE, HERO, folder=page)
        shown = [*shared[: number - 2], *own[: number - 2 - len(shared)]]
        return [*shown[:HEADED], hero, *shown[HEADED:], self._make_favicon()][:number]

    def _find_common(self, kind: int, index: int) -> Asset:
        known = self._shared.get((kind, index))
        if known is None:
            names = NAMES[kind]
            name = names[index] if index < len(names) else f"{KINDS[kind]}-{index}"
            host = self._find_host(kind, index) if index >= len(names) else None
            known = self._shared[kind, index] = self._make_asset(kind, name, host=host)
        return known

    def _find_host(self, kind: int, index: int) -> str | None:
        """Choose the third party that a script or a frame comes from; None: the file comes from the site."""
        return self._hosts[index % len(self._hosts)] if kind in (SCRIPT, FRAME) else None

    def _make_asset(self, kind: int, name: str, *, folder: str = "", host: str | None = None) -> Asset:
        mean, sigma = LN_KB[kind]
        size = int(1024 * np.exp(mean + sigma * self._stream.standard_normal())) + HEADER_BYTES
        path = "/".join(part for part in (FOLDERS[kind], folder, f"{name}.{SPECIAL.get(name, SUFFIXES[kind])}") if part)
        origin = f"https://{host}" if host else self._origin
        initiator = "css" if name in FROM_STYLESHEETS else INITIATORS[kind]
        return Asset(kind, name, f"{origin}/{path}", initiator, size)

    def _make_favicon(self) -> Asset:
        """Make the favicon, which the browser itself fetches (initiator "other") and the client counts as an image."""
        return Asset(IMAGE, FAVICON, f"{self._origin}/favicon.png", "other", 1430)


def _read_sizes(by_page: list[list[Asset]], counts: list[Resources]) -> dict[str, int]:
    """Return the sizes that the scenario states, by URL; the first statement for a shared file counts."""
    sizes: dict[str, int] = {}
    for files, stated in zip(by_page, counts, strict=True):
        for kind, name in enumerate(get_args(FileKind)):
            own = [asset for asset in files if asset.kind == kind]
            for asset, kilobytes in zip(own, stated.kilobytes.get(name, ()), strict=False):
                sizes.setdefault(asset.url, round(1024 * kilobytes) + HEADER_BYTES)
    return sizes


def _find_type(asset: Asset) -> str:
    """Return the type that the client reports for a file (utils/common-utils.ts, getResourceFileType)."""
    return KINDS[STYLESHEET] if asset.url.endswith(".woff2") else KINDS[asset.kind]


KNOWN = 65536
"""How many texts of heroes (largest images) are cached."""


class AssetDetails:
    """The texts of resource events without their times; fetches of one file differ in times and a hero's URL alone."""

    def __init__(self, assets: Assets, record_url: bool) -> None:
        self._assets, self._record_url = assets, record_url
        rows = range(len(assets.kind))
        self._heads = to_objects([self._write_pieces(row, False)[0] for row in rows])
        self._middle = self._write_pieces(0, False)[1] if rows else ""
        self._tails = to_objects([self._write_pieces(row, cached)[2] for cached in (False, True) for row in rows])
        self._hero = lru_cache(maxsize=KNOWN)(lambda row, cached, url: self._write_pieces(row, cached, url)[2])

    def _write_pieces(self, row: int, cached: bool, url: str | None = None) -> list[str]:
        """Write the text before startTime, the text between startTime and duration, and the text after duration."""
        assets = self._assets
        size = 0 if cached or assets.opaque[row] else int(assets.size[row])
        target = (url or assets.urls[row]) if self._record_url else UNSET
        return Template(
            Resource(assets.initiators[row], PLACEHOLDER, PLACEHOLDER, assets.types[row], size, target)
        ).pieces

    def pick_pieces(
        self, asset: Ints, cached: Bools, heroes: Ints, hero_urls: list[str]
    ) -> tuple[list[str], str, list[str]]:
        """Return the texts before, between and after the two times of each fetch.

        `heroes` are the positions of largest images among the fetches, `hero_urls` their URLs.
        """
        tails = self._tails[asset + cached * len(self._assets.kind)]
        rows = zip(heroes.tolist(), asset[heroes].tolist(), cached[heroes].tolist(), hero_urls, strict=True)
        for place, row, is_cached, url in rows:
            tails[place] = self._hero(row, is_cached, url)
        return self._heads[asset].tolist(), self._middle, tails.tolist()
