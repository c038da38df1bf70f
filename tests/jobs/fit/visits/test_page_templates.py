"""Paths become templates by what varies, and never by chance words alone."""

from __future__ import annotations

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.fit.visits.page_templates import fold_paths, list_examples, list_values, name_pages

SLUGS = [f"{word}-red-shoe" for word in ("nice", "old", "new", "big")]


def templates(*paths: str, patterns: tuple[str, ...] = ()) -> set[str]:
    return {each.path for each in fold_paths(paths, dict.fromkeys(range(len(paths)), 1), patterns)}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/", "/about", "/contact"], {"/", "/about", "/contact"}),
        (["/product/1", "/product/2"], {"/product/{product}"}),
        (["/product/1"], {"/product/{product}"}),
        ([f"/product/{slug}" for slug in SLUGS], {"/product/{product}"}),
        ([f"/categories/{slug}/items/{n}" for n, slug in enumerate(SLUGS)], {"/categories/{category}/items/{item}"}),
        (["/account/orders", "/account/settings"], {"/account/orders", "/account/settings"}),
        ([f"/topic/{word}" for word in "abcdefghij"], {"/topic/{topic}"}),
        ([f"/{word}" for word in "abcdefghij"], {f"/{word}" for word in "abcdefghij"}),
        (["/u/ann@example.org"], {"/u/{u}"}),
        (["/t/3f2e6882-1111-4222-8333-444455556666/edit"], {"/t/{t}/edit"}),
        (["/product/new", "/product/17", "/product/18", "/product/19"], {"/product/new", "/product/{product}"}),
        (["/a/1/2"], {"/a/{a}/{a_2}"}),
        (["/docs/upgrade-from-v2-to-v3.1"], {"/docs/upgrade-from-v2-to-v3.1"}),
        (["/docs/2026-11-release-notes.html"], {"/docs/2026-11-release-notes.html"}),
        (["/call/Ann +491712345678"], {"/call/{call}"}),
        (["/card/5500%200000%200000%200004", "/card/0171 234 567 89"], {"/card/{card}"}),
        (["/search/Bearer abcDEF123ghiJKL456", "/search/key AKIAIOSFODNN7EXAMPLE"], {"/search/{search}"}),
        (["/hosts/at 192.168.17.23"], {"/hosts/{host}"}),
        (["/about us", "/top 10"], {"/about us", "/top 10"}),
        (["/t/ghp_16C7e42F292c6912E7710c838347Ae178B4a", "/t/deadbeef-1234-5678-9abc-def012345678"], {"/t/{t}"}),
        ([f"/news/{slug}.html" for slug in SLUGS], {"/news/{news}.html"}),
        (["/people/17", "/series/17/2"], {"/people/{person}", "/series/{series}/{series_2}"}),
        (["/doc/17.php", "/doc/18.php"], {"/doc/{doc}.php"}),
        ([f"/doc/{slug}{end}" for slug, end in zip(SLUGS, ["", ".md", ".md", ".md"], strict=True)], {"/doc/{doc}"}),
        (["/{x}/y"], {"/x/y"}),
    ],
)
def test_what_varies_is_folded(paths: list[str], expected: set[str]) -> None:
    assert templates(*paths) == expected


def test_a_pattern_overrides() -> None:
    assert templates("/help/a", "/help/b", "/x", patterns=("/help/{topic}",)) == {"/help/{topic}", "/x"}
    assert templates("/product/1", "/product/2", patterns=("/product/1",)) == {"/product/1", "/product/{product}"}
    with pytest.raises(LoadgenError, match="no pattern"):
        templates("/", patterns=("help/{topic}",))


def test_values_that_made_a_template_are_told_unless_they_look_like_secrets() -> None:
    paths = ["/product/9", "/product/7", "/product/ann@example.org", "/product/41111111"]
    (found,) = fold_paths(paths, {0: 2, 1: 1, 2: 1, 3: 1})
    assert found.members == (0, 1, 2, 3)
    assert list_examples(found.path, paths) == ("7", "9")
    assert list_examples("/cart", ["/cart"]) == ()


def test_pages_have_short_distinct_names() -> None:
    assert name_pages(["/", "/product/{product}", "/cart", "/old/cart", "/{item}"]) == [
        "home", "product", "cart", "old-cart", "item",
    ]  # fmt: skip
    assert name_pages(["/people", "/people/{person}", "/hr/people/{person}", "/it/people/{person}"]) == [
        "people", "person", "hr-people", "it-people",
    ]  # fmt: skip


def test_a_slash_at_the_end_stays_where_most_paths_have_one() -> None:
    assert templates("/", "/en/", "/about") == {"/", "/en/", "/about"}
    assert templates(*(f"/guide/{slug}/" for slug in SLUGS), "/guide/one-more-shoe") == {"/guide/{guide}/"}
    assert templates("/help/a/", "/help/b", patterns=("/help/{topic}",)) == {"/help/{topic}"}
    assert templates("/help/a/", "/help/b", patterns=("/help/{topic}/",)) == {"/help/{topic}/"}


def test_an_ending_is_none_of_the_items() -> None:
    assert list_values("/{topic}/a/{a}.html", "/news/a/red-shoe.html") == {"news": "{topic}", "red-shoe": "{a}"}
