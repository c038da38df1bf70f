"""The page graph: a Markov chain that every visit walks from an entry to an exit."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from loadgen.scenario.population import ThinkTime
from loadgen.scenario.problems import Attributes, Factor, Section, Share, Weight

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Status = Annotated[str, Field(pattern="^[45][0-9]{2}$")]
"""An HTTP status of a call that failed."""


FileKind = Literal["stylesheet", "script", "font", "image", "iframe", "media"]
Kilobytes = Annotated[float, Field(gt=0, le=1_000_000)]


class Resources(Section):
    """Files that one full page load fetches. A real median page has 8, 22, 4 and 13 (Web Almanac 2025)."""

    stylesheet: int = Field(3, ge=0, le=100, description="Style sheets: three eighths of the median page's.")
    script: int = Field(8, ge=1, le=100, description="Scripts, the web client among them: as above.")
    font: int = Field(2, ge=0, le=100, description="Fonts: half of the median page's.")
    image: int = Field(7, ge=0, le=200, description="Images: half of the median page's.")
    iframe: int = Field(0, ge=0, le=20, description="Documents of other hosts in frames, such as players and maps.")
    media: int = Field(0, ge=0, le=20, description="Videos: files of the type other, of which the client records few.")
    shared: Share = Field(0.7, description="Share of the files that every page of the site fetches too. Estimate.")
    kilobytes: dict[FileKind, tuple[Kilobytes, ...]] = Field(
        {},
        description="Sizes on the wire by kind, in KB, in the order in which the page names the files, such as "
        "{ script = [180, 60, 12] }. What several pages share has the size that the first of them states; files "
        "without one have drawn sizes.",
    )

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        for kind, sizes in self.kilobytes.items():
            if len(sizes) > getattr(self, kind):
                raise ValueError(
                    f"kilobytes.{kind} has {len(sizes)} sizes for {getattr(self, kind)} files; "
                    f"leave some out, or write {kind} = {len(sizes)}"
                )
        return self


class ApiCall(Section):
    """A fetch that the page makes: `"GET /api/cart"`, or a table."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="HTTP method.")
    path: str = Field(
        pattern="^(/|https?://[^/])",
        description="What the page hands to fetch: a path, or an absolute URL such as "
        '"https://api.example.com/cart?lang=en"; may hold the page\'s placeholders.',
    )
    via: Literal["fetch", "xhr"] = Field("fetch", description="How the page calls: fetch, or XMLHttpRequest.")
    per_view: Share = Field(1.0, description="Probability in one page view.")
    failures: dict[Status, Share] | None = Field(
        None, description="Probability of each failing HTTP status of this call; default telemetry.api.failures."
    )


class Click(Section):
    """An element that visitors click; a dom event when the monitor collects interactions."""

    element: str = Field("BUTTON", pattern="^[A-Z][A-Z0-9]*$", description="Node name, upper case.")
    id: str | None = Field(None, description="The element's id.")
    css: str | None = Field(None, description="cssLocator of the listener.")
    per_view: Share = Field(0.3, description="Probability in one page view.")


class Link(Section):
    """The element whose click leads to a page."""

    element: str = Field("A", pattern="^[A-Z][A-Z0-9]*$", description="Node name of what is clicked, upper case.")
    id: str | None = Field(None, description="The element's id.")
    prerender: Share = Field(
        0.0,
        description="Share of the visitors by this link to whom the browser shows a page that it has rendered before "
        "(speculation rules), in Chromium and where the page is a full load.",
    )
    unused: Share = Field(
        0.0,
        description="Share of the views of pages that lead here, in Chromium, during which the browser renders it for "
        "a visitor who then goes elsewhere.",
    )
    eagerness: Literal["immediate", "eager", "moderate", "conservative"] = Field(
        "moderate",
        description="When the browser begins with it: as soon as the page before is there, when the pointer comes to "
        "the link, has rested there for 200 ms, or is pressed (the words of speculation rules).",
    )


def to_lists(value: Any) -> Any:
    """The same data with lists for tuples, as JSON has them."""
    if isinstance(value, list | tuple):
        return [to_lists(item) for item in value]
    return {key: to_lists(item) for key, item in value.items()} if isinstance(value, dict) else value


class CustomEvent(Section):
    """What the site hands to the client's recordEvent; sent when the monitor accepts custom events."""

    type: str = Field(pattern="^[A-Za-z0-9_.-]{1,256}$", description="Event type (characters that RUM admits).")
    per_view: Share = Field(1.0, description="Probability in one page view.")
    details: Annotated[dict[str, JsonValue], BeforeValidator(to_lists)] = Field(
        {}, description="The event's object; texts may hold the page's placeholders."
    )
    metadata: Attributes = Field({}, description="Metadata of this event alone, behind that of its page.")


Call = Annotated[str, Field(pattern="^(GET|POST|PUT|PATCH|DELETE) (/|https?://)")]
"""The short form of an API call."""


def parse_call(value: Any) -> Any:
    """Read the short form "GET /api/cart"."""
    if not isinstance(value, str):
        return value
    method, space, path = value.partition(" ")
    if not space:
        raise ValueError(f'"{value}" is not a call; write method and path, such as "GET /api/cart"')
    return {"method": method, "path": path}


class PageSpec(Section):
    """One kind of page."""

    path: str = Field(
        pattern="^/",
        max_length=200,
        description="Path; {product} is replaced by one of that pool's items. A site that routes by the part behind # "
        "has it in the path (client.pageIdFormat).",
    )
    title: str = Field(
        "", max_length=200, description="Title; may hold the path's placeholders. Default: from the name."
    )
    tags: tuple[str, ...] = Field((), description="pageTags.")
    attributes: Attributes = Field({}, description="Page attributes, in the metadata of every event on it.")
    entry: Weight = Field(
        0.0, description="Weight as first page of a visit. If no page has one, the first in the file is it."
    )
    to: dict[str, Share] = Field({}, description="Probability of each next page; with exit they add up to 1.")
    exit: Share = Field(0.0, description="Probability that the visit ends here.")
    bounce: Share | None = Field(
        None, description="Probability that a visit which begins here ends here too. Default: exit, as for later views."
    )
    think_time: ThinkTime | None = Field(None, description="Dwell time; default by device (population.think_time).")
    link: Link = Field(Link(), description="The element whose click leads here.")
    route: bool = Field(False, description="Reached by a route change of a single-page site, not by a full load.")
    slowness: Factor = Field(1.0, description="Factor on the page's server and rendering times.")
    document_bytes: int | None = Field(
        None, ge=1, le=100_000_000, description="Size of its document on the wire. Default: drawn for the page."
    )
    document_ratio: float | None = Field(
        None, ge=1, le=100, description="How many times as large its document is unpacked. Default: drawn for the page."
    )
    resources: Resources | None = Field(None, description="Files it fetches; default telemetry.resources.")
    api: tuple[Annotated[ApiCall, BeforeValidator(parse_call, json_schema_input_type=Call | ApiCall)], ...] = Field(
        (), description="Calls that it makes."
    )
    clicks: tuple[Click, ...] = Field((), description="Elements that visitors click without leaving.")
    events: tuple[CustomEvent, ...] = Field((), description="Custom events that it records.")
    js_errors: Weight = Field(1.0, description="Weight of the page in where JavaScript errors happen; 0 for none.")


class Pool(Section):
    """The items behind a placeholder such as {product}: made-up slugs, a few popular, many rare."""

    size: int = Field(200, ge=1, le=100_000, description="Number of items.")
    zipf: float = Field(
        0.8, ge=0, le=10, description="Exponent of their popularity (Breslau et al. 1999 saw 0.64 to 0.83)."
    )


def find_placeholders(text: str) -> list[str]:
    """The names of the placeholders in a path, title or value."""
    return PLACEHOLDER.findall(text)
