"""A scenario's pages, compiled once: numbers for numpy, texts for events, and the invented names of items and hosts.

Only this module uses Faker. Faker is slow, so it fills pools once, from an instance seeded by the site's name.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from loadgen.scenario import (
    Click,
    Exponential,
    Lognormal,
    PageSpec,
    Pool,
    Quantiles,
    Scenario,
    ThinkTime,
    Weibull,
    find_placeholders,
)
from loadgen.traffic.assets import AssetDetails, Assets
from loadgen.traffic.draws import Choice, Floats, NextPage, Seeds, weigh_ranks
from loadgen.traffic.js_errors import deal_kinds, make_site_error, minify_error, weigh_errors
from loadgen.traffic.population import DEVICES
from loadgen.wire.json_templates import write_members

if TYPE_CHECKING:
    from faker import Faker

THIRD_PARTIES, IDENTIFIERS = 3, 40
"""How many hosts serve third-party scripts, and how many names the site's code has."""

CLASSES = re.compile(r"(\.[\w-]+)+")
"""A CSS locator that consists of class names."""

HTML_KB_MU, HTML_KB_SIGMA = 3.56, 1.15
UNPACKED_MU, UNPACKED_SIGMA = 1.2, 0.25
"""Mean and standard deviation of the ln of a document's KB on the wire (Web Almanac 2025, inner pages), and of the ln
of the ratio of unpacked to packed size (an estimate). Both are drawn once for a page."""

TITLE_LIMIT = 256
"""The most characters of a metadata value in RUM's schema."""


class Target(NamedTuple):
    """An element that a visitor can click or type into."""

    selector: str  # as web-vitals reports it
    element: str
    id: str | None = None
    css: str | None = None


COMMON_TARGETS = (
    Target("html>body>main>div.card", "DIV"),
    Target("html>body>main>img", "IMG"),
    Target("#menu", "BUTTON", "menu"),
    Target("html>body>main>p", "P"),
    Target("#search", "INPUT", "search"),
    Target("html>body>main>section>span", "SPAN"),
)
ANYWHERE = len(COMMON_TARGETS)
"""The number of targets that stand for any element of a page: the first ones of all targets."""
LINKS = {"A": "html>body>nav>a", "IMG": "html>body>main>a.card>img"}
"""By node name: the selector of a link without an id."""


class Site:
    """The site with its pages by index: page i is `names[i]`; the index `end` stands for the exit."""

    def __init__(self, scenario: Scenario) -> None:
        self.origin = f"https://{scenario.monitor.domain}"
        self.domain = scenario.monitor.domain
        self.id_format = scenario.client.pageIdFormat
        self.names = list(scenario.pages)
        self.pages: list[PageSpec] = list(scenario.pages.values())
        self.end = len(self.pages)
        self.route = np.array([page.route for page in self.pages])
        self.bfcache = scenario.population.bfcache
        self.prerendered = np.array([page.link.prerender for page in self.pages])
        self.unused = np.array([page.link.unused for page in self.pages])
        self.slowness: Floats = np.array([page.slowness for page in self.pages])
        entries = np.array([page.entry for page in self.pages])
        self.entry = Choice(entries if entries.any() else np.eye(1, self.end)[0])
        spread = scenario.population.persistence
        steps = [[*(page.to.get(name, 0.0) for name in self.names), page.exit] for page in self.pages]
        self.step = NextPage(steps, spread)
        self.landing = NextPage([_weigh_landing(page, self.names) for page in self.pages], spread)
        dwells = _list_think_times(scenario)
        # [device, page, parameter]: the parameters of the dwell laws, see _read_law
        self.think = np.array([[_read_law(each) for each in by_page] for by_page in dwells])
        # measured dwell times by device and page, as ascending quantiles
        self.measured = {
            (device, page): np.sort(np.array(each.seconds))
            for device, by_page in enumerate(dwells)
            for page, each in enumerate(by_page)
            if isinstance(each, Quantiles)
        }
        self._fill_pools(scenario)
        self._build(scenario)

    def _build(self, scenario: Scenario) -> None:
        """Make the site's files, clickable elements, API calls and JavaScript errors."""
        stream = Seeds(0).stream(f"site/{scenario.name}")
        sizes = Seeds(0).stream(f"documents/{scenario.name}").standard_normal((2, len(self.pages)))
        drawn_bytes = 1024 * np.exp(HTML_KB_MU + HTML_KB_SIGMA * sizes[0])
        drawn_ratio = np.exp(UNPACKED_MU + UNPACKED_SIGMA * sizes[1])
        self.html_kb = _prefer([page.document_bytes for page in self.pages], drawn_bytes) / 1024
        self.unpacked = _prefer([page.document_ratio for page in self.pages], drawn_ratio)
        self.assets = Assets(stream, self.origin, make_hosts(scenario.name))
        default = scenario.telemetry.resources
        self.pictured = np.array([(page.resources or default).image > 0 for page in self.pages])
        self.assets.lay_out(scenario.pages, default, scenario.client.resourceEventLimit)
        self.asset_details = AssetDetails(self.assets, scenario.client.recordResourceUrl)
        self.targets = list(COMMON_TARGETS)
        self.clicks: list[tuple[int, int, float]] = []
        for page, model in enumerate(self.pages):
            for click in model.clicks:
                self.clicks.append((page, len(self.targets), click.per_view))
                self.targets.append(Target(_find_selector(click), click.element, click.id, click.css))
        self.links = np.arange(self.end) + len(self.targets)
        for link in (page.link for page in self.pages):
            place = f"#{link.id}" if link.id else LINKS.get(link.element, f"html>body>main>a>{link.element.lower()}")
            self.targets.append(Target(place, link.element, link.id))
        self.calls = [(page, call) for page, model in enumerate(self.pages) for call in model.api]
        self.client_url = f"{self.origin}/js/cwr.js"
        scripts = [f"{self.origin}/js/{name}.js" for name in ("app", "vendor")]
        settings = scenario.telemetry.errors
        names, kinds = make_identifiers(scenario.name), deal_kinds(settings.messages, settings.thrown)
        self.errors = [
            make_site_error(stream, names, scripts, self.end, index, kind) for index, kind in enumerate(kinds)
        ]
        self.minified = settings.minified
        if settings.minified:
            release = Seeds(0).stream(f"release/{scenario.name}/{scenario.client.releaseId}")
            self.errors = [minify_error(each, release) for each in self.errors]
        self.error_law = Choice(weigh_errors(self.errors, self.end) * weigh_ranks(settings.messages, settings.zipf))
        self.find_hero_url = lru_cache(maxsize=65536)(self._find_hero_url)

    def _find_hero_url(self, page: int, chosen: tuple[int, ...]) -> str:
        """Return the URL of a page's largest image, which shows the page's items."""
        slugs = [self.items[name][item][0] for name, item in zip(self.used[page], chosen, strict=False)]
        return "/".join([self.origin, "img", self.names[page], *slugs, "hero.jpg"])

    def _fill_pools(self, scenario: Scenario) -> None:
        """Make the items of each placeholder, from the scenario's name: runs with different seeds visit one site."""
        self.used = [list(dict.fromkeys(find_placeholders(page.path))) for page in self.pages]
        names = sorted({name for used in self.used for name in used})
        pools = {name: scenario.pools.get(name, Pool()) for name in names}
        self.items = {name: make_items(scenario.name, name, pool.size) for name, pool in pools.items()}
        self.slots = max((len(used) for used in self.used), default=0)
        popularity = {name: Choice(weigh_ranks(pool.size, pool.zipf)) for name, pool in pools.items()}
        self.popularity = [[popularity[name] for name in used] for used in self.used]
        self.write_path_and_title = lru_cache(maxsize=65536)(self._write_path_and_title)
        self.find_url = lru_cache(maxsize=65536)(self._find_url)

    def _write_path_and_title(self, page: int, chosen: tuple[int, ...]) -> tuple[str, str]:
        """Write pageId and title of a page that shows the chosen items."""
        model = self.pages[page]
        path, title = (
            _find_page_id(model.path, self.id_format),
            model.title or self.names[page].replace("_", " ").replace("-", " ").capitalize(),
        )
        for name, item in zip(self.used[page], chosen, strict=False):
            slug, words = self.items[name][item]
            path, title = path.replace(f"{{{name}}}", slug), title.replace(f"{{{name}}}", words)
        return path, title[:TITLE_LIMIT]

    @cached_property
    def attributes(self) -> list[str]:
        """The attributes of each page as escaped members of metadata."""
        return [write_members(dict(page.attributes)) if page.attributes else "" for page in self.pages]

    def _find_url(self, page: int, chosen: tuple[int, ...]) -> str:
        """Return the URL of a page as document.referrer has it: without the fragment."""
        return self.origin + self.fill(self.pages[page].path.partition("#")[0], page, chosen)

    def fill(self, text: str, page: int, chosen: tuple[int, ...]) -> str:
        """Replace the placeholders in a text of a page by the slugs of the chosen items."""
        if "{" in text:
            for name, item in zip(self.used[page], chosen, strict=False):
                text = text.replace(f"{{{name}}}", self.items[name][item][0])
        return text


def _find_selector(click: Click) -> str:
    """Return the selector that web-vitals reports for a clicked element: its id, or a path of names and classes."""
    if click.id:
        return f"#{click.id}"
    classes = click.css if click.css and CLASSES.fullmatch(click.css) else ""
    return f"html>body>main>{click.element.lower()}{classes}"


def _find_page_id(path: str, id_format: str) -> str:
    """Return the part of a page's path and fragment that is its pageId (the client's pageIdFormat)."""
    before, separator, fragment = path.partition("#")
    return {"PATH": before, "HASH": separator + fragment, "PATH_AND_HASH": path}[id_format]


def _weigh_landing(page: PageSpec, names: list[str]) -> list[float]:
    """Return the weights of the next pages and the exit after a landing: the exit's weight is the bounce rate."""
    bounce = page.exit if page.bounce is None else page.bounce
    stays = sum(page.to.values())
    return [*((1 - bounce) * page.to.get(name, 0.0) / stays if stays else 0.0 for name in names), bounce]


def _list_think_times(scenario: Scenario) -> list[list[ThinkTime]]:
    """List the dwell law of each page on each device: [device][page]."""
    defaults = scenario.population.think_time
    by_device = [defaults.desktop if device == "desktop" else defaults.mobile for device in DEVICES]
    return [[page.think_time or default for page in scenario.pages.values()] for default in by_device]


def _read_law(think: ThinkTime) -> tuple[float, float, float]:
    """Return a law's scale, power p and sigma s: a dwell time is scale × e**p × exp(s × n).

    Here e is a standard exponential variable, and n a standard normal one.
    """
    match think:
        case Weibull():
            return think.scale, 1 / think.shape, 0.0
        case Lognormal():
            return think.median, 0.0, think.sigma
        case Exponential():
            return think.mean, 1.0, 0.0
        case Quantiles():
            return 0.0, 0.0, 0.0  # Site.measured has the quantiles


def _make_faker(name: str) -> Faker:
    from faker import Faker  # imported here because it takes long

    fake = Faker("en_US")
    fake.seed_instance(name)
    return fake


def make_items(site: str, pool: str, size: int) -> list[tuple[str, str]]:
    """Make slug and title of each item behind a placeholder, all different, the most popular first."""
    fake = _make_faker(f"{site}/{pool}")
    items: dict[str, str] = {}
    while len(items) < size:
        words = [fake.last_name(), fake.safe_color_name(), fake.word(part_of_speech="noun")]
        slug = "-".join(words).lower()
        slug = f"{slug}-{len(items)}" if slug in items else slug
        items[slug] = " ".join(words).title()
    return list(items.items())


def make_hosts(site: str) -> list[str]:
    """Make hosts of third-party scripts, under a top-level domain that nobody can own (RFC 2606)."""
    fake = _make_faker(f"{site}/hosts")
    return [f"{fake.domain_word()}.example" for _ in range(THIRD_PARTIES)]


def make_identifiers(site: str) -> list[str]:
    """Make names for the site's code, such as openBasket."""
    fake = _make_faker(f"{site}/code")
    return [f"{fake.word()}{fake.word().capitalize()}" for _ in range(IDENTIFIERS)]


def _prefer(given: list[float | None], drawn: Floats) -> Floats:
    """Return the stated value of each page, and the drawn value for a page that states none."""
    return np.array([own if own is not None else other for own, other in zip(given, drawn.tolist(), strict=True)])
