"""page_view events: one for each page that the client's page manager counts as new."""

from __future__ import annotations

from msgspec import UNSET

from loadgen.model import Page
from loadgen.rum.events import PAGE_VIEW, PageView
from loadgen.traffic.draws import Ints
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named
from loadgen.wire.json_templates import PLACEHOLDER, TEXT_PLACEHOLDER, Template, escape

PAGE_ALONE = Template(PageView(TEXT_PLACEHOLDER))
LANDED = Template(
    PageView(TEXT_PLACEHOLDER, PLACEHOLDER, TEXT_PLACEHOLDER, UNSET, UNSET, TEXT_PLACEHOLDER, TEXT_PLACEHOLDER)
)
FOLLOWED = Template(
    PageView(
        TEXT_PLACEHOLDER,
        PLACEHOLDER,
        TEXT_PLACEHOLDER,
        TEXT_PLACEHOLDER,
        PLACEHOLDER,
        TEXT_PLACEHOLDER,
        TEXT_PLACEHOLDER,
    )
)


def page_views(scene: Scene) -> Column:
    """The page views of a block."""
    rows = scene.own_views[scene.seen.new[scene.own_views]]
    cookies = scene.scenario.client.allowCookies

    def details(places: Ints) -> list[str]:
        pages = scene.pages_of(rows[places])
        return _with_history(pages) if cookies else PAGE_ALONE.texts([escape(page.id) for page in pages])

    return Column(PAGE_VIEW, Named("page_view", rows, scene.views), rows, scene.time.noticed[rows], details)


def _with_history(pages: list[Page]) -> list[str]:
    """What tells each page and how it was reached."""
    landings = [page for page in pages if page.parent_id is None]
    later = [(page, page.parent_id) for page in pages if page.parent_id is not None]
    landed = iter(LANDED.texts(*_numbered(landings), *_referred(landings)))
    parents = [f"{escape(parent)}-{page.interaction - 1}" for page, parent in later]
    after = [page for page, _ in later]
    spent = [str(page.time_on_parent_ms) for page in after]
    followed = iter(FOLLOWED.texts(*_numbered(after), parents, spent, *_referred(after)))
    return [next(landed) if page.parent_id is None else next(followed) for page in pages]


def _numbered(pages: list[Page]) -> tuple[list[str], list[str], list[str]]:
    """pageId, interaction and pageInteractionId."""
    paths, numbers = [escape(page.id) for page in pages], [str(page.interaction) for page in pages]
    return paths, numbers, [f"{path}-{number}" for path, number in zip(paths, numbers, strict=True)]


def _referred(pages: list[Page]) -> tuple[list[str], list[str]]:
    return [escape(page.referrer) for page in pages], [escape(page.referrer_domain) for page in pages]
