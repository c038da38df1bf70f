"""Problems of a scenario file: where in the file, what is wrong, what to write instead; pydantic's errors reworded.

This module has also the base class of a scenario's sections, frozen and strict, the types of common fields, and the
bounds of a section's numbers, for programs that write scenarios.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import inf
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import ErrorDetails

from loadgen.units import DURATION, SECONDS

Scalar = Annotated[str, Field(max_length=256)] | bool | int | float
"""A value in metadata (RUM's schema: text of at most 256 characters, truth value or number)."""

AttributeName = Annotated[str, Field(pattern="^[A-Za-z0-9_:]{1,128}$")]
"""The name of an attribute (the web client's guide, which also forbids pageTags and names that begin with aws:)."""

Attributes = Annotated[dict[AttributeName, Scalar], Field(max_length=10)]
"""Metadata that the site adds, at most ten members."""

BARE_KEY = re.compile("[A-Za-z0-9_-]+")


class Problem(NamedTuple):
    """One problem of a scenario file: its place in the file, and what is wrong and what to write instead."""

    path: str
    text: str


def suggest(name: str, known: Iterable[str]) -> str:
    """Write a hint at the known name that is most like `name`, or at all known names if none is like it."""
    names = list(known)
    lower = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{lower[close[0]]}"?'
    return "known here: " + ", ".join(names)


def format_place(*keys: str | int) -> str:
    """Write a path in the file as TOML does, with items of a list by number and quotes around keys that need them."""
    path = ""
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        else:
            path += ("." if path else "") + (key if BARE_KEY.fullmatch(key) else f'"{key}"')
    return path


def read_number(value: Any) -> float | None:
    """Return the value as a float if it is a number; None for other types, truth values included."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


KINDS = {
    "string_type": "text in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
    "invalid-json-value": "text, a number, true, false, a list or a table",
}
BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
EXAMPLES = {
    "name": 'write it, such as name = "my-shop"',
    "path": 'write it, such as path = "/"',
    "pages": "write at least one page, such as [pages.home]",
}
TAGS = {
    "distribution": "weibull, lognormal, exponential or quantiles",
    "kind": "error, slow_api, cdn_outage, layout_shift or spike",
}
PATTERNS = {
    "^[-_#A-Za-z0-9][-._#A-Za-z0-9]*$": 'of letters, digits, "-", ".", "_" and "#" that does not begin with "."',
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": 'of letters, digits, "-", "." and "_" that begins with a letter or digit',
    "^[A-Z][A-Z0-9]*$": 'that is a node name in capitals, such as "BUTTON"',
    "^(mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9]$": 'such as "mon 00:00"',
    "^/": 'that begins with "/"',
    "^[A-Z]{2}$": 'that is a country\'s two-letter code, such as "US"',
    "^[45][0-9]{2}$": 'that is a failing HTTP status, such as "404"',
}


def reword(error: ErrorDetails, raw: Mapping[str, Any], root: type[Section]) -> Problem:
    """Turn one of pydantic's errors into a problem; `root` is the model of the whole file, `raw` the file's data."""
    keys = _find_keys(error["loc"], raw)
    return Problem(format_place(*keys), _word(error, keys, root))


def _find_keys(loc: tuple[int | str, ...], raw: Any) -> list[int | str]:
    """Return the error's path in the file, without the steps that pydantic adds for unions and mapping keys."""
    keys: list[int | str] = []
    value = raw
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(value, Mapping) and (step in value or (last and step != "[key]")):
            keys.append(step)
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int):
            keys.append(step)
            value = value[step] if step < len(value) else None
    return keys


def _word(error: ErrorDetails, keys: list[int | str], root: type[Section]) -> str:
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown field; {suggest(str(keys[-1]), _list_fields(root, keys[:-1]))}"
    if kind == "missing":
        return f"missing; {EXAMPLES.get(str(keys[-1]), 'write it')}"
    if kind in KINDS:
        return f"must be {KINDS[kind]}, not {_show(value)}"
    if kind in BOUNDS:
        words, name = BOUNDS[kind]
        return f"must be {words} {context[name]:g}, not {_show(value)}"
    return _word_rare(kind, value, context, error["msg"])


def _word_rare(kind: str, value: Any, context: Mapping[str, Any], message: str) -> str:
    match kind:
        case "string_pattern_mismatch":
            pattern = str(context["pattern"])
            return f"{_show(value)} does not fit; write text {PATTERNS.get(pattern, f'that matches {pattern}')}"
        case "literal_error":
            choices = [part.strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(", ")]
            return f"{_show(value)} is not known; {suggest(str(value), choices)}"
        case "union_tag_invalid" | "union_tag_not_found":
            return _word_tag(str(context["discriminator"]).strip("'"), context)
        case "too_short":
            return f"too few; write at least {context['min_length']}"
        case "too_long":
            return f"too many; write at most {context['max_length']}"
        case "string_too_short":
            return "is empty; write at least one character"
        case "string_too_long":
            return f"too long; write at most {context['max_length']} characters"
        case "value_error":
            return str(context.get("error", message))
    return f"{message[0].lower()}{message[1:]}, not {_show(value)}"


def _word_tag(field: str, context: Mapping[str, Any]) -> str:
    """Word the problem of a table whose field `kind` or `distribution` is missing or unknown."""
    if "tag" not in context:
        return f"{field} is missing; write {TAGS.get(field, 'one')}"
    choices = [part.strip(" '") for part in str(context.get("expected_tags", "")).split(",") if part]
    return f"{field} {_show(context['tag'])} is not known; {suggest(str(context['tag']), choices)}"


def _show(value: Any) -> str:
    """Write a value as TOML does, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value[:60]}…"' if len(value) > 60 else f'"{value}"'
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value)


def _list_fields(root: type[Section], keys: list[int | str]) -> list[str]:
    """List the names of fields that the format has at a place in the file."""
    parts: list[type[Section]] = [root]
    inside_mapping = False
    for key in keys:
        if isinstance(key, int):
            continue
        if inside_mapping:
            inside_mapping = False
            continue
        annotations = [part.model_fields[key].annotation for part in parts if key in part.model_fields]
        inside_mapping = any(get_origin(annotation) is dict for annotation in annotations)
        parts = [found for annotation in annotations for found in _find_sections(annotation)]
    return list(dict.fromkeys(name for part in parts for name in part.model_fields))


def _find_sections(annotation: Any) -> list[type[Section]]:
    """List the sections that a field's type contains."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, Section) else []
    if get_origin(annotation) in {Annotated, Union, types.UnionType, dict, tuple}:
        return [part for inner in get_args(annotation) for part in _find_sections(inner)]
    return []


class Section(BaseModel):
    """The base class of a section of a scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def parse_seconds(value: Any) -> Any:
    """Turn text such as "30s", "5m", "2h" or "7d" into seconds; other values pass unchanged."""
    if not isinstance(value, str):
        return value
    match = DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f'"{value}" is not a length of time; write seconds as a number, or "30s", "5m", "2h", "7d"')
    return float(match[1]) * SECONDS[match[2]]


Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    Field(ge=0),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{DURATION.pattern}$"}]}
    ),
]
"""A length of time: seconds as a number, or text such as "30s"."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability, or a part of a whole."""

Spread = Annotated[float, Field(gt=0, le=3)]
"""The sigma of a lognormal distribution, at most 3: then one value in six is more than 20 times the median."""

Milliseconds = Annotated[float, Field(gt=0, le=60_000)]
"""A median time of at most a minute, in milliseconds."""

Factor = Annotated[float, Field(gt=0, le=1000)]
"""A factor on another number, above 0."""

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""A country's ISO 3166-1 alpha-2 code."""

Weight = Annotated[float, Field(ge=0)]
"""A weight beside others; only the ratios count."""


def find_bounds(model: type[Section], name: str) -> tuple[float, float]:
    """Return the smallest and the largest value that a section's member may have; infinite where there is no bound."""
    limits = model.model_fields[name].metadata
    least = [limit.ge for limit in limits if getattr(limit, "ge", None) is not None]
    most = [limit.le for limit in limits if getattr(limit, "le", None) is not None]
    return max(least, default=-inf), min(most, default=inf)


def bound_members(members: dict[str, Any], model: type[Section]) -> None:
    """Replace each number of a section and of the sections inside it by the nearest number that the format accepts.

    `members` are the section's members by name; they are changed in place.
    """
    for name, value in members.items():
        field = model.model_fields.get(name)
        if field is None or isinstance(value, bool):
            continue
        if isinstance(value, dict) and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            bound_members(value, field.annotation)
        elif isinstance(value, int | float):
            least, most = find_bounds(model, name)
            members[name] = type(value)(min(max(value, least), most))
