"""Fold paths into page templates: /product/17 and /product/18 become /product/{product}.

Rule: a segment that is a number, an id, a token or an address is always folded, even if it occurs once. Words are
folded if many of them stand in one place; `--page` patterns come before everything else. An ending such as .html that
all items of a page have belongs to the page, not to the items; paths that differ by a slash at the end are one page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from loadgen.errors import LoadgenError
from loadgen.jobs.fit.support import DIGITS, group, may_be_told

STRICT_ID = re.compile(
    r"\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?=.*\d)[0-9a-fA-F]{8,}|(?=.*\d)(?=.*[A-Za-z])[\w~.-]{16,}|.*@.*|.*%40.*|"
    r"\+?\d[\d.-]{4,}|.*[=;].*|.*%3[BDFbdf].*|.{41,}"
)
"""Numbers, UUIDs, hex numbers, tokens, addresses, telephone numbers and dates, parameters, very long names."""

PLAIN = re.compile(
    r"(?:[A-Za-z]{1,20}\d{0,2}|v?\d{1,3}|(?:19|20)\d\d)(?:[-_.](?:[A-Za-z]{1,20}\d{0,2}|v?\d{1,3}|(?:19|20)\d\d))+"
)
"""Words with versions and years between them, such as upgrade-from-v2-to-v3: of any length, but never a token."""

WORDS = re.compile(r"(?:%20|[^\w~.@%=;+-])+")
"""The separators between the words of a segment."""

SLUG = re.compile(r"[^/]*[-_][^/]*[-_][^/]*|(?=.*\d)(?=.*[A-Za-z])[\w.-]{4,}")
"""Slugs: names of several words, or with a number in them."""

FEW_SLUGS, MANY_WORDS = 3, 8
"""Distinct slugs in one place from which they are folded; distinct words at the end of a path."""

SLUG_PART = 0.6
"""Share of slugs among the names in one place from which they are folded."""

ENDING = re.compile(r"(?<=.)\.(?:html?|[sx]html|php|aspx?|jspx?|cfm|do|json|xml|md|pdf|txt)$")
"""The ending of a file's name."""

SINGULARS = {"people": "person", "news": "news", "series": "series", "movies": "movie", "status": "status"}
"""Usual segments of paths whose singular follows no rule."""

LONGEST_TEMPLATE = 200
PATTERN_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
EXAMPLES = 3


class PageTemplate(NamedTuple):
    """The template of a page: its path with placeholders, and the paths that were folded into it."""

    path: str
    members: tuple[int, ...]  # places in Recorded.pages
    examples: tuple[str, ...] = ()  # some values of the first placeholder, for the person who fits alone


def fold_paths(paths: Sequence[str], weights: Mapping[int, int], patterns: Iterable[str] = ()) -> list[PageTemplate]:
    """Fold all paths that have a weight; return their templates, the heaviest first. LoadgenError: a bad pattern."""
    rules = [_compile_pattern(pattern) for pattern in patterns]
    given = {place: next((template for template, pattern in rules if pattern.fullmatch(paths[place])), None)
             for place in sorted(weights)}  # fmt: skip
    found = group((template, place) for place, template in given.items() if template is not None)
    segments = {place: tuple(_split(paths[place])) for place, template in given.items() if template is None}
    for folded, members in group((folded, place) for place, folded in _fold(segments).items()).items():
        path = _name_placeholders(folded, _find_endings([segments[place] for place in members]))
        found[path] = found.get(path, []) + members
    made = [PageTemplate(path if path in given.values() else _end_path(path, members, paths, weights), tuple(members))
            for path, members in found.items()]  # fmt: skip
    return sorted(made, key=lambda each: (-sum(weights[place] for place in each.members), each.path))


def _end_path(path: str, members: Iterable[int], paths: Sequence[str], weights: Mapping[int, int]) -> str:
    """Return a template's path with a slash at its end if most views of its paths have one."""
    slashes = sum(weights[place] * (1 if paths[place].endswith("/") else -1) for place in members)
    return f"{path}/" if slashes > 0 and path != "/" else path


def _compile_pattern(pattern: str) -> tuple[str, re.Pattern[str]]:
    if not pattern.startswith("/") or re.search(r"[{}]", PATTERN_NAME.sub("", pattern)):
        raise LoadgenError(f"--page {pattern!r} is no pattern of a path; write one such as /help/{{topic}}")
    parts = PATTERN_NAME.split(pattern)
    parts[-1] = parts[-1].rstrip("/")
    text = "".join(re.escape(part) if place % 2 == 0 else "[^/]+" for place, part in enumerate(parts))
    return pattern, re.compile(f"{text}/?")


def _split(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


HOLE = "{}"


def _fold(segments: dict[int, tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    """Return each path's segments with a hole for each folded one; places with equal fronts, from the root down."""
    folded = {place: list(parts) for place, parts in segments.items()}
    deepest = max(map(len, segments.values()), default=0)
    for depth in range(deepest):
        fronts = group((tuple(parts[:depth]), place) for place, parts in folded.items() if len(parts) > depth)
        for front, members in fronts.items():
            holes = _find_holes(depth, front, [folded[place] for place in members])
            for place in members:
                if folded[place][depth] in holes:
                    folded[place][depth] = HOLE
    return {place: tuple(parts) for place, parts in folded.items()}


def _find_holes(depth: int, front: tuple[str, ...], members: list[list[str]]) -> set[str]:
    """Return the names in one place that vary like items."""
    names = {parts[depth] for parts in members}
    strict = {name for name in names if is_item(name)}
    slugs = {name for name in names - strict if SLUG.fullmatch(name)}
    items = strict | slugs
    if len(items) >= FEW_SLUGS and len(items) >= SLUG_PART * len(names):
        return items
    ends = {parts[depth] for parts in members if len(parts) == depth + 1}
    if depth and front[-1] != HOLE and len(ends) >= MANY_WORDS and len(ends) == len(names):
        return names
    return strict


def is_item(segment: str) -> bool:
    """Whether a segment is, or has among its words, a number, an id, a token or an address."""
    stem = split_ending(segment)[0]
    if PLAIN.fullmatch(stem) and re.search("[A-Za-z]", stem):
        return False
    words = [word for word in WORDS.split(stem) if word]
    long = [word for word in words if len(words) == 1 or not word.isdigit()]
    return any(map(STRICT_ID.fullmatch, (segment, stem, *long))) or bool(DIGITS.search(stem) and len(words) > 1)


def split_ending(segment: str) -> tuple[str, str]:
    """Split a path's segment into stem and ending; "" is no ending."""
    found = ENDING.search(segment)
    return (segment[: found.start()], found[0]) if found else (segment, "")


def _find_endings(members: Sequence[tuple[str, ...]]) -> list[str]:
    """Return for each segment the ending that all members have there; "" if they differ."""
    endings = [{split_ending(segment)[1] for segment in segments} for segments in zip(*members, strict=True)]
    return [each.pop() if len(each) == 1 else "" for each in endings]


def list_values(template: str, path: str) -> dict[str, str]:
    """Return the values behind a template's placeholders in a path, each with its placeholder."""
    found = {}
    for part, value in zip(_split(template), _split(path), strict=False):
        before, brace, rest = part.partition("{")
        if brace:
            name, _, after = rest.partition("}")
            found[value.removeprefix(before).removesuffix(after)] = f"{{{name}}}"
    return found


def _name_placeholders(parts: tuple[str, ...], endings: list[str]) -> str:
    """Return the template of a folded path; a hole is named after the segment before it."""
    used: Counter[str] = Counter()
    named = []
    for place, part in enumerate(parts):
        if part != HOLE:
            named.append(clean_text(part))
            continue
        before = next((each for each in reversed(parts[:place]) if each != HOLE), "item")
        name = make_placeholder(before)
        used[name] += 1
        named.append((f"{{{name}_{used[name]}}}" if used[name] > 1 else f"{{{name}}}") + endings[place])
    path = "/" + "/".join(named)
    return path if len(path) <= LONGEST_TEMPLATE else path[: path.rindex("/", 0, LONGEST_TEMPLATE)]


def make_placeholder(segment: str) -> str:
    """Return the singular of a path's segment as a placeholder's name: categories → category."""
    word = re.sub(r"[^a-z0-9]+", "_", segment.lower()).strip("_")
    word = re.sub(r"^[0-9_]+", "", word)
    if word.endswith("ies") and len(word) > 4:
        single = f"{word[:-3]}y"
    else:
        single = word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
    return SINGULARS.get(word, single) or "item"


def clean_text(text: str) -> str:
    """Drop braces, which would be placeholders, and control characters, which terminals execute, from a text."""
    return "".join(letter for letter in text if letter not in "{}" and letter.isprintable())


def list_examples(path: str, common: Iterable[str]) -> tuple[str, ...]:
    """Return some values behind a template's first placeholder, from paths that may be written."""
    if "{" not in path:
        return ()
    place = next(index for index, part in enumerate(_split(path)) if "{" in part)
    values = dict.fromkeys(parts[place] for each in sorted(common) if len(parts := _split(each)) > place)
    return tuple(filter(may_be_told, values))[:EXAMPLES]


def name_pages(templates: Sequence[str]) -> list[str]:
    """Return a short, distinct name for each page."""
    names: list[str] = []
    for template in templates:
        words = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in _split(template) if "{" not in part]
        words = [word for word in words if word] or (["home"] if template == "/" else ["item"])
        options = ["-".join(words[-length:]) for length in range(1, len(words) + 1)]
        holes = PATTERN_NAME.findall(template)[-1:]
        inner = [*holes, *(f"{words[-1]}-{name}" for name in holes)]
        numbered = [f"{words[-1]}-{number}" for number in range(2, len(templates) + 2)]
        names.append(next(name for name in [*options, *inner, *numbered] if name not in names))
    return names
