"""The options of verbs: an option that is a name, an address or a label is never empty text."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import fields

from loadgen import verb_options
from loadgen.errors import LoadgenError
from loadgen.options import Text, resolve_options

KINDS = [kind for name, kind in vars(verb_options).items() if name.endswith("Options")]
EMPTY = [(kind, each.name) for kind in KINDS for each in fields(kind) if each.type in (Text, Text | None)]
PARSED_ELSEWHERE = {"target", "pace", "proxy", "ca_bundle", "faults", "store", "start", "end", "after", "before"}
"""Options whose own parser refuses an empty text or gives it a meaning, as no faults."""


@pytest.mark.parametrize(("kind", "name"), EMPTY, ids=lambda part: getattr(part, "__name__", part))
def test_an_empty_text_is_refused_as_a_variable_of_a_shell_that_is_not_set_gives_it(kind: Any, name: str) -> None:
    required = {each.name: "x" for each in fields(kind) if each.required}
    said = rf"^{name} \(--[a-z-]+\): '' is empty; write a value, or leave the option out$"
    with pytest.raises(LoadgenError, match=said):
        resolve_options(kind, required | {name: ""})


def test_every_other_text_has_a_parser_of_its_own() -> None:
    others = {each.name for kind in KINDS for each in fields(kind) if each.type in (str, str | None)}
    assert others <= PARSED_ELSEWHERE
