"""page_view events: one for each page that the client's page manager counts as new."""

from __future__ import annotations

from msgspec import UNSET

from loadgen.events import PAGE_VIEW, PageView
from loadgen.model import Page
from loadgen.traffic.telemetry.column import Column
from loadgen.traffic.telemetry.scene import Scene


def page_views(scene: Scene) -> Column:
    """The page views of a block."""
    rows = scene.own_views[scene.seen.new[scene.own_views]]
    cookies = scene.scenario.client.allowCookies
    details = [_details(page, cookies) for page in scene.pages_of(rows)]
    return Column(PAGE_VIEW, rows, scene.time.noticed[rows], scene.ids("page_view", rows, scene.views), details)


def _details(page: Page, cookies: bool) -> PageView:
    if not cookies:
        return PageView(page.id)
    number = page.interaction
    parent = page.parent_id
    return PageView(
        page.id,
        number,
        f"{page.id}-{number}",
        UNSET if parent is None else f"{parent}-{number - 1}",
        UNSET if page.time_on_parent_ms is None else page.time_on_parent_ms,
        page.referrer,
        page.referrer_domain,
    )
