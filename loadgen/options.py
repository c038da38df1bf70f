"""What a caller gives, checked with the same words everywhere: paths, one thing or several, and options by name.

The options of a job, of a run and of an endpoint are one frozen class each. The types of its fields carry their bounds
(`msgspec.Meta`), so that the Python API and the command line refuse the same values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

import msgspec

from loadgen.errors import LoadgenError

Text = Annotated[str, msgspec.Meta(min_length=1)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
SampleRate = Annotated[float, msgspec.Meta(gt=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=366 * 86_400.0)]
Seed = Annotated[int, msgspec.Meta(ge=0)]
Price = Annotated[float, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1)]

Accept = Literal["rum", "2xx"]
"""Which answers mean accepted: those that RUM could give, or every 2xx, for another kind of backend."""

DialectName = Literal["web", "sdk"]
"""The client that bodies are written like: the web client, or an AWS SDK; `wire.DIALECTS` has a dialect for each."""

BOUNDS = {">=": "of at least", ">": "above", "<=": "of at most", "<": "below"}
TYPES = {
    "float": "a number",
    "int": "an integer",
    "str": "text",
    "bool": "True or False",
    "array": "a list",
    "object": "a mapping",
    "path": "a path",
}
"""The words for the types that msgspec names in its messages."""

SECRET = {"credentials", "secret_access_key", "session_token"}
"""Options whose values no message shows."""

ON_COMMAND_LINE = {"answer_seconds": "answer_time", "others": "with"}
"""The options whose name on the command line differs from that in Python."""

Options = TypeVar("Options", bound=msgspec.Struct)
Function = TypeVar("Function", bound=Callable[..., Any])


def require_path(given: object, name: str, error: type[LoadgenError] = LoadgenError) -> Path:
    """Return a path that is given as text or as a path; `name` is the argument's. Raises `error`: it is neither."""
    if isinstance(given, str | os.PathLike) and isinstance(text := os.fspath(given), str):
        if text:
            return Path(text)
        raise error(f"{name}: the path is empty; write one")
    raise error(f"{name}: {given!r} is no path; write text or a pathlib.Path")


def require_callback(given: object, name: str, may_be_none: bool = False) -> None:
    """Raise LoadgenError unless a function is given; `name` is the argument's."""
    if not callable(given) and not (may_be_none and given is None):
        raise LoadgenError(f"{name}: {given!r} is no function; give one that takes what is reported, or leave it out")


def list_given(given: object, name: str, single: type | tuple[type, ...] = (str, os.PathLike)) -> tuple[Any, ...]:
    """Return what is given one by one or in a list; one thing is of a type of `single`. LoadgenError: it is neither."""
    if isinstance(given, single):
        return (given,)
    if isinstance(given, Iterable) and not isinstance(given, bytes | Mapping):
        return tuple(given)
    raise LoadgenError(f"{name}: {given!r} is no list; write a list")


_beside: dict[type, tuple[str, ...]] = {}
"""The keywords that functions take beside the fields of a class of options, for messages."""


def show_options(kind: type[msgspec.Struct]) -> Callable[[Function], Function]:
    """Return a decorator that shows the fields of a class of options in a function's signature, as `help` prints it."""
    hints = get_type_hints(kind)
    shown = [
        Parameter(each.name, Parameter.KEYWORD_ONLY, default=_find_default(each), annotation=hints[each.name])
        for each in msgspec.structs.fields(kind)
    ]

    def add(function: Function) -> Function:
        own = signature(function)
        taken = [each for each in own.parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
        names = {each.name for each in taken}
        keywords = tuple(each.name for each in taken if each.kind is Parameter.KEYWORD_ONLY)
        _beside[kind] = _beside.get(kind, ()) + keywords
        every = [*taken, *(each for each in shown if each.name not in names)]
        setattr(function, "__signature__", own.replace(parameters=every))  # noqa: B010  (unknown to mypy)
        return function

    return add


def _find_default(field: msgspec.structs.FieldInfo) -> Any:
    """Return a field's default as a signature has it."""
    if field.required:
        return Parameter.empty
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def resolve_options(
    kind: type[Options],
    given: Mapping[str, Any],
    error: type[LoadgenError] = LoadgenError,
    on_command_line: bool = True,
) -> Options:
    """Make an object of a class of options.

    Raises `error`: an unknown or missing name, a value out of bounds, or an option without the one that it needs, which
    the class may name in `NEEDS`. `on_command_line`: whether messages give each option's name on the command line
    beside that in Python.
    """

    def name_option(name: str) -> str:
        return f"{name} (--{ON_COMMAND_LINE.get(name, name).replace('_', '-')})" if on_command_line else name

    names = [*kind.__struct_fields__, *_beside.get(kind, ())]
    if unknown := [name for name in given if name not in kind.__struct_fields__]:
        guess = "".join(f"; did you mean {name}?" for name in get_close_matches(unknown[0], names, 1))
        raise error(f"there is no option {unknown[0]}; the options are {', '.join(names)}{guess}")
    if missing := [each.name for each in msgspec.structs.fields(kind) if each.required and each.name not in given]:
        raise error(f"{name_option(missing[0])} is missing; give a value")
    for name, value in given.items():
        if isinstance(value, float) and not isfinite(value):
            raise error(f"{name_option(name)}: {value!r} is out of range; write a finite number")
    made = _convert(kind, given, error, name_option)
    for name, other in getattr(kind, "NEEDS", {}).items():
        if given.get(name) is not None and not given.get(other):
            without = f"{name_option(name)} does nothing without {name_option(other)}"
            raise error(f"{without}; give that too, or leave it out")
    return made


def _convert(
    kind: type[Options], given: Mapping[str, Any], error: type[LoadgenError], name_option: Callable[[str], str]
) -> Options:
    """Convert values to the types of the fields; raises `error` in words for one that does not fit."""
    try:
        return msgspec.convert(given, kind, dec_hook=_read_path)
    except msgspec.ValidationError as wrong:
        problem, _, place = str(wrong).partition(" - at `$.")
        found = re.match(r"(\w+)(?:\[(\d+)\]`)?", place)
        assert found is not None, "msgspec names the field"
        name, value = found[1], given[found[1]] if found[2] is None else given[found[1]][int(found[2])]
        shown = "the value" if name in SECRET else repr(value)
        hint = get_type_hints(kind, include_extras=True)[name]
        raise error(f"{name_option(name)}: {shown} {_describe_problem(problem, hint)}") from None


def _read_path(kind: type, value: Any) -> Any:
    """Convert text to a path; msgspec calls this for types that it does not know."""
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise TypeError("Expected `path`")


def _describe_problem(problem: str, hint: Any) -> str:
    """Say in words what msgspec's message says of a value, and what to write instead; `hint` is the field's type."""
    if problem.startswith("Invalid enum value"):
        return f"is no valid value; write {' or '.join(_list_choices(hint))}"
    if bound := re.match(r"Expected `(?:float|int)(?: \| null)?` (>=|>|<=|<) (\S+)", problem):
        return f"is out of range; write a number {BOUNDS[bound[1]]} {float(bound[2]):g}"
    if "matching regex" in problem:
        return f"is no valid value; write {_find_form(hint) or 'text that matches ' + problem.rpartition('regex ')[2]}"
    if "of length >= 1" in problem:
        return "is empty; write a value, or leave the option out"
    if length := re.search(r"of length (>=|<=) (\d+)", problem):
        return f"has a length out of range; write one {BOUNDS[length[1]]} {length[2]}"
    wanted = re.sub(r"^Expected `([^`]*)`.*", r"\1", problem)
    plain, without = wanted.removesuffix(" | null"), " or None" if wanted.endswith(" | null") else ""
    return f"is no valid value; write {TYPES.get(plain, plain)}{without}"


def _find_form(hint: Any) -> str:
    """Find the words for a text's form, which stand beside its pattern; the hint may hold it inside of other types."""
    found = (part.description if isinstance(part, msgspec.Meta) else _find_form(part) for part in get_args(hint))
    return next(filter(None, found), "")


def _list_choices(hint: Any) -> list[str]:
    """List the texts of a `Literal`, which may stand inside of other types."""
    return [text for part in get_args(hint) for text in ([part] if isinstance(part, str) else _list_choices(part))]
