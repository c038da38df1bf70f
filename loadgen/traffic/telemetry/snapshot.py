"""The tree of a page as rrweb takes it when a document begins: types 4 (Meta) and 2 (FullSnapshot)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from loadgen.traffic.site import Site

WIDTHS, HEIGHTS = (1366, 412, 820), (768, 839, 1180)
"""The window by device, in the order of population.DEVICES; common sizes."""

STYLES = (
    "body { font-family: Shop, sans-serif; margin: 0px; color: rgb(34, 34, 34); }",
    "header { display: flex; gap: 16px; padding: 8px 16px; background: rgb(244, 244, 248); }",
    ".hero { width: 100%; display: block; height: auto; }",
    ".grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 12px; padding: 16px; }",
    ".grid a { display: block; border: 1px solid rgb(221, 221, 221); padding: 8px; }",
    "button, input { padding: 8px 14px; margin: 4px; }",
)
"""Rules of the site's style sheet, which the tree holds."""

CARDS = (12, 24)
"""Cards of a page: at least, and below; with them a tree has 6 to 10 kB as the captured ones."""


class _Tree:
    """Numbers the nodes as it makes them."""

    def __init__(self) -> None:
        self._number = 0

    def element(self, name: str, attributes: dict[str, Any], *children: dict[str, Any]) -> dict[str, Any]:
        """An element with its children."""
        self._number += 1
        return {
            "type": 2, "tagName": name, "attributes": attributes, "childNodes": list(children), "id": self._number,
        }  # fmt: skip

    def text(self, length: int) -> dict[str, Any]:
        """A text, masked."""
        self._number += 1
        return {"type": 3, "textContent": "*" * length, "id": self._number}


def write_snapshot(site: Site, page: int, address: str, device: int, when: Any) -> list[dict[str, Any]]:
    """Both entries of a document's beginning; `when` is the moment in JSON."""
    window = {"href": address, "width": WIDTHS[device], "height": HEIGHTS[device]}
    whole = {"node": _write_tree(site.origin, site.names[page], page), "initialOffset": {"left": 0, "top": 0}}
    return [
        {"type": 4, "data": window, "timestamp": when},
        {"type": 2, "data": whole, "timestamp": when},
    ]


@lru_cache(maxsize=1024)
def _write_tree(origin: str, name: str, page: int) -> msgspec.Raw:
    """The tree of a kind of page as JSON: one text for all its visitors."""
    tree = _Tree()
    cards = CARDS[0] + page * 5 % (CARDS[1] - CARDS[0])
    head = tree.element(
        "head", {}, tree.element("meta", {"charset": "utf-8"}), tree.element("title", {}, tree.text(11)),
        tree.element("link", {"_cssText": "".join(STYLES)}),
    )  # fmt: skip
    links = [tree.element("a", {"id": f"nav-{each}", "href": f"{origin}/"}, tree.text(5)) for each in range(4)]
    header = tree.element("header", {}, tree.element("nav", {}, *links))
    grid = [_make_card(tree, origin, card) for card in range(cards)]
    search = tree.element("input", {"id": "search", "placeholder": "******"})
    heading = tree.element("h1", {}, tree.text(9))
    main = tree.element("main", {}, heading, search, tree.element("div", {"class": "grid"}, *grid))
    root = tree.element("html", {"lang": "en"}, head, tree.element("body", {"data-page": name}, header, main))
    document = {"type": 1, "name": "html", "publicId": "", "systemId": "", "id": 1000}
    return msgspec.Raw(msgspec.json.encode({"type": 0, "childNodes": [document, root], "id": 1001}))


def _make_card(tree: _Tree, origin: str, card: int) -> dict[str, Any]:
    picture = tree.element("img", {"src": f"{origin}/img/thumb{card}.jpg", "width": "320", "height": "240", "alt": ""})
    return tree.element("a", {"class": "card", "href": f"{origin}/{card}"}, picture, tree.text(8 + card % 9))
