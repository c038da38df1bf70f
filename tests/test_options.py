"""Options by name: what is wrong, with which value, and what to write instead, in words for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from loadgen.errors import EndpointError, LoadgenError
from loadgen.options import list_given, require_callback, require_path, resolve_options


class Trip(msgspec.Struct, kw_only=True):
    kilometres: Annotated[float, msgspec.Meta(gt=0, le=1e6)]
    seats: Annotated[int, msgspec.Meta(ge=1)] | None = None
    by: Literal["rail", "road"] | None = "rail"
    stops: tuple[Annotated[str, msgspec.Meta(max_length=5)], ...] = ()
    code: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] = "a"
    nights: dict[str, int] = {}
    is_return: bool = False
    ticket: Path | None = None
    answer_seconds: float = 1.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "kilometres (--kilometres) is missing; give a value"),
        ({"kilometres": 0}, "kilometres (--kilometres): 0 is out of range; write a number above 0"),
        ({"kilometres": 2e6}, "kilometres (--kilometres): 2000000.0 is out of range; write a number of at most 1e+06"),
        ({"kilometres": float("inf")}, "kilometres (--kilometres): inf is out of range; write a finite number"),
        ({"kilometres": "far"}, "kilometres (--kilometres): 'far' is no valid value; write a number"),
        ({"seats": 0}, "seats (--seats): 0 is out of range; write a number of at least 1"),
        ({"seats": 1.5}, "seats (--seats): 1.5 is no valid value; write an integer"),
        ({"by": "sea"}, "by (--by): 'sea' is no valid value; write rail or road"),
        ({"stops": "Ulm"}, "stops (--stops): 'Ulm' is no valid value; write a list"),
        ({"stops": ["Ulm", 3]}, "stops (--stops): 3 is no valid value; write text"),
        ({"stops": ["Ulm", "Berlin"]}, "stops (--stops): 'Berlin' has a length out of range; write one of at most 5"),
        ({"code": "A"}, "code (--code): 'A' is no valid value; write text that matches '^[a-z]+$'"),
        ({"nights": 3}, "nights (--nights): 3 is no valid value; write a mapping"),
        ({"nights": {"Ulm": "two"}}, "nights (--nights): {'Ulm': 'two'} is no valid value; write an integer"),
        ({"is_return": 1}, "is_return (--is-return): 1 is no valid value; write True or False"),
        ({"ticket": 5}, "ticket (--ticket): 5 is no valid value; write a path"),
        ({"answer_seconds": None}, "answer_seconds (--answer-time): None is no valid value; write a number"),
        ({"plane": 1}, "there is no option plane; the options are kilometres, seats, "),
    ],
)
def test_a_wrong_option_is_told_in_words(given: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError) as refused:
        resolve_options(Trip, {"kilometres": 5} | given if given else given)
    assert str(refused.value).startswith(said)


def test_right_options_become_one_object() -> None:
    trip = resolve_options(Trip, {"kilometres": 5, "ticket": "a.pdf", "stops": ["Ulm"], "by": None})
    assert (trip.kilometres, trip.ticket, trip.stops, trip.by) == (5.0, Path("a.pdf"), ("Ulm",), None)


def test_a_caller_may_ask_for_another_error_and_for_names_without_dashes() -> None:
    with pytest.raises(EndpointError, match=r"^seats: 0 is out of range"):
        resolve_options(Trip, {"kilometres": 5, "seats": 0}, EndpointError, on_command_line=False)


def test_a_path_is_text_or_a_path() -> None:
    assert require_path("a/b", "file") == require_path(Path("a/b"), "file") == Path("a/b")
    for wrong in (None, 3, b"a", ["a"]):
        with pytest.raises(LoadgenError, match=r"^file: .+ is no path; write text or a pathlib\.Path$"):
            require_path(wrong, "file")


def test_one_thing_stands_for_a_list_of_one() -> None:
    assert list_given("ab", "files") == ("ab",)
    assert list_given(Path("ab"), "files") == (Path("ab"),)
    assert list_given(iter(["a", "b"]), "files") == ("a", "b")
    assert list_given(4, "numbers", int) == (4,)
    for wrong in (None, 3, b"a", {"a": 1}):
        with pytest.raises(LoadgenError, match=r"^files: .+ is no list; write a list$"):
            list_given(wrong, "files")


def test_a_callback_is_a_function() -> None:
    require_callback(print, "on_progress")
    require_callback(None, "confirm", may_be_none=True)
    for wrong in (None, 3, "print"):
        with pytest.raises(LoadgenError, match=r"^on_progress: .+ is no function; give one that takes"):
            require_callback(wrong, "on_progress")
