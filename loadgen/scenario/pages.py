"""The page graph: a Markov chain that every visit walks from an entry to an exit."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from loadgen.scenario.population import ThinkTime
from loadgen.scenario.problems import Attributes, Factor, Section, Share, Weight

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Status = Annotated[str, Field(pattern="^[45][0-9]{2}$")]
"""The HTTP status of a failing call, 400 to 599, as text."""


FileKind = Literal["stylesheet", "script", "font", "image", "iframe", "media"]
Kilobytes = Annotated[float, Field(gt=0, le=1_000_000)]


class Resources(Section):
    """The files that one full page load fetches.

    A real median page has 8 style sheets, 22 scripts, 4 fonts and 13 images (Web Almanac 2025).
    """

    stylesheet: int = Field(3, ge=0, le=100, description="Style sheets: three eighths of the median page's.")
    script: int = Field(8, ge=1, le=100, description="Scripts, the web client included: three eighths of the median.")
    font: int = Field(2, ge=0, le=100, description="Fonts: half of the median page's.")
    image: int = Field(7, ge=0, le=200, description="Images: half of the median page's.")
    iframe: int = Field(0, ge=0, le=20, description="Documents of other hosts in frames, such as players and maps.")
    media: int = Field(0, ge=0, le=20, description="Videos; their file type is other, of which the client records few.")
    shared: Share = Field(0.7, description="Share of the files that every page of the site fetches too. Estimate.")
    kilobytes: dict[FileKind, tuple[Kilobytes, ...]] = Field(
        {},
        description="Sizes on the wire by kind, in KB, in the order in which the page names the files, such as "
        "{ script = [180, 60, 12] }. A file that several pages share has the size that the first of them states; "
        "files without a stated size have random sizes.",
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
    via: Literal["fetch", "xhr"] = Field("fetch", description="How the page makes the call: fetch or XMLHttpRequest.")
    per_view: Share = Field(1.0, description="Probability in one page view.")
    failures: dict[Status, Share] | None = Field(
        None, description="Probability of each failing HTTP status; default telemetry.api.failures."
    )


class Click(Section):
    """An element that visitors click; a click is a dom event if the monitor collects interactions."""

    element: str = Field("BUTTON", pattern="^[A-Z][A-Z0-9]*$", description="Node name, upper case.")
    id: str | None = Field(None, description="The element's id.")
    css: str | None = Field(None, description="cssLocator of the listener.")
    per_view: Share = Field(0.3, description="Probability in one page view.")


class Link(Section):
    """The element whose click leads to a page."""

    element: str = Field("A", pattern="^[A-Z][A-Z0-9]*$", description="Node name of the element, upper case.")
    id: str | None = Field(None, description="The element's id.")
    prerender: Share = Field(
        0.0,
        description="Share of the clicks on this link for which the browser has prerendered the page (speculation "
        "rules), in Chromium and where the page is a full load.",
    )
    unused: Share = Field(
        0.0,
        description="Share of the views of pages with this link, in Chromium, during which the browser prerenders the "
        "page although the visitor then goes elsewhere.",
    )
    eagerness: Literal["immediate", "eager", "moderate", "conservative"] = Field(
        "moderate",
        description="When the browser begins to prerender: as soon as the page with the link is shown, when the "
        "pointer comes to the link, has rested there for 200 ms, or is pressed (the words of speculation rules).",
    )


def to_lists(value: Any) -> Any:
    """Replace all tuples in data by lists, as JSON has them."""
    if isinstance(value, list | tuple):
        return [to_lists(item) for item in value]
    return {key: to_lists(item) for key, item in value.items()} if isinstance(value, dict) else value


class CustomEvent(Section):
    """An event that the site hands to the client's recordEvent; it is sent if the monitor accepts custom events."""

    type: str = Field(pattern="^[A-Za-z0-9_.-]{1,256}$", description="Event type (characters that RUM admits).")
    per_view: Share = Field(1.0, description="Probability in one page view.")
    details: Annotated[dict[str, JsonValue], BeforeValidator(to_lists)] = Field(
        {}, description="The event's details; texts may hold the page's placeholders."
    )
    metadata: Attributes = Field({}, description="Metadata of this event alone, sent behind that of its page.")


Call = Annotated[str, Field(pattern="^(GET|POST|PUT|PATCH|DELETE) (/|https?://)")]
"""The short form of an API call: method and path."""


def parse_call(value: Any) -> Any:
    """Turn the short form of an API call, "GET /api/cart", into a table; other values pass unchanged."""
    if not isinstance(value, str):
        return value
    method, space, path = value.partition(" ")
    if not space:
        raise ValueError(f'"{value}" is not a call; write method and path, such as "GET /api/cart"')
    return {"method": method, "path": path}


class PageSpec(Section):
    """One page of the site, or one kind of page if its path has placeholders."""

    path: str = Field(
        pattern="^/",
        max_length=200,
        description="Path; {product} is replaced by an item of the pool product. If the site routes by the fragment, "
        "the path contains # and the fragment (client.pageIdFormat).",
    )
    title: str = Field(
        "", max_length=200, description="Title; may hold the path's placeholders. Default: made from the page's name."
    )
    tags: tuple[str, ...] = Field((), description="The page's pageTags.")
    attributes: Attributes = Field({}, description="Page attributes, in the metadata of every event on the page.")
    entry: Weight = Field(
        0.0, description="Weight as first page of a visit. If no page has a weight, visits begin on the file's first."
    )
    to: dict[str, Share] = Field({}, description="Probability of each next page; these and exit add up to 1.")
    exit: Share = Field(0.0, description="Probability that the visit ends here.")
    bounce: Share | None = Field(
        None, description="Probability that a visit which begins here ends here. Default: exit, as for later views."
    )
    think_time: ThinkTime | None = Field(None, description="Dwell time; default by device (population.think_time).")
    link: Link = Field(Link(), description="The element whose click leads here.")
    route: bool = Field(False, description="A route change of a single-page site leads here, not a full load.")
    slowness: Factor = Field(1.0, description="Factor on the page's server and rendering times.")
    document_bytes: int | None = Field(
        None, ge=1, le=100_000_000, description="Bytes of the page's document on the wire. Default: random by page."
    )
    document_ratio: float | None = Field(
        None, ge=1, le=100, description="Ratio of the document's unpacked to its packed size. Default: random by page."
    )
    resources: Resources | None = Field(None, description="Files that the page fetches; default telemetry.resources.")
    api: tuple[Annotated[ApiCall, BeforeValidator(parse_call, json_schema_input_type=Call | ApiCall)], ...] = Field(
        (), description="API calls that the page makes."
    )
    clicks: tuple[Click, ...] = Field((), description="Elements that visitors click without leaving the page.")
    events: tuple[CustomEvent, ...] = Field((), description="Custom events that the page records.")
    js_errors: Weight = Field(
        1.0, description="Weight of the page among the places of JavaScript errors; 0: no errors."
    )


class Pool(Section):
    """The items behind a placeholder such as {product}: made-up slugs, a few popular, many rare."""

    size: int = Field(200, ge=1, le=100_000, description="Number of items.")
    zipf: float = Field(
        0.8, ge=0, le=10, description="Zipf exponent of the items' popularity (0.64 to 0.83 in Breslau et al. 1999)."
    )


def find_placeholders(text: str) -> list[str]:
    """Return the names of the placeholders in a path, title or value."""
    return PLACEHOLDER.findall(text)
