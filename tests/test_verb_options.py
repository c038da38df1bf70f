"""The options of verbs: an option that is a name, an address or a label is never empty text."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

import loadgen
from loadgen import verb_options
from loadgen.errors import LoadgenError
from loadgen.options import Text, resolve_options

KINDS = [kind for name, kind in vars(verb_options).items() if name.endswith("Options")]
EMPTY = [(kind, each.name) for kind in KINDS for each in fields(kind) if each.type in (Text, Text | None)]
PARSED_ELSEWHERE = {"target", "pace", "proxy", "ca_bundle", "faults", "store", "start", "end", "after", "before"}
"""Options whose own parser refuses an empty text or gives it a meaning, as no faults."""


SHOWN = {loadgen.run: "RunOptions", loadgen.write_bodies: "GenerateOptions", loadgen.Monitors: "TargetOptions"} | {
    getattr(loadgen, name): f"{''.join(map(str.capitalize, name.split('_')))}Options"
    for name in ("clean", "find_limit", "fit", "generate", "plan", "preview", "sampling", "seed", "verify", "worker")
}


@pytest.mark.parametrize(("verb", "kind"), SHOWN.items(), ids=lambda part: getattr(part, "__name__", part))
def test_the_signature_of_a_verb_shows_its_options_with_their_defaults(verb: Any, kind: str) -> None:
    shown = inspect.signature(verb).parameters
    for each in fields(getattr(verb_options, kind)):
        assert shown[each.name].default == (inspect.Parameter.empty if each.required else each.default), each.name
    assert "options" not in shown


@pytest.mark.parametrize(("kind", "name"), EMPTY, ids=lambda part: getattr(part, "__name__", part))
def test_an_empty_text_is_refused_as_a_variable_of_a_shell_that_is_not_set_gives_it(kind: Any, name: str) -> None:
    required = {each.name: "x" for each in fields(kind) if each.required}
    said = rf"^{name} \(--[a-z-]+\): '' is empty; write a value, or leave the option out$"
    with pytest.raises(LoadgenError, match=said):
        resolve_options(kind, required | {name: ""})


def test_every_other_text_has_a_parser_of_its_own() -> None:
    others = {each.name for kind in KINDS for each in fields(kind) if each.type in (str, str | None)}
    assert others <= PARSED_ELSEWHERE


NEEDS = [(kind, name, other) for kind in KINDS for name, other in getattr(kind, "NEEDS", {}).items()]
VALUES: dict[str, Any] = {"expect_workers": 2, "bind_port": 5558, "peak_to_trough": 3.0, "sessions_per_day": 1.0}


@pytest.mark.parametrize(("kind", "name", "other"), NEEDS, ids=lambda part: getattr(part, "__name__", part))
def test_an_option_that_does_nothing_without_another_is_refused_without_it(kind: Any, name: str, other: str) -> None:
    given = {name: VALUES.get(name, "x")}
    with pytest.raises(LoadgenError, match=rf"^{name} \(--[a-z-]+\) does nothing without {other} \(--[a-z-]+\); give"):
        resolve_options(kind, given)
    with pytest.raises(LoadgenError, match="does nothing without"):
        resolve_options(kind, given | {other: False if other == "master" else None})
    resolve_options(kind, given | {other: True if other == "master" else VALUES.get(other, "x")})
    resolve_options(kind, {name: None} if name not in ("expect_workers", "bind_host", "bind_port", "before") else {})


LOCAL: dict[str, Any] = {"quota": 50.0, "faults": "errors=1", "store": "rum.sqlite"}


@pytest.mark.parametrize(("verb", "name"), [*((loadgen.run, name) for name in LOCAL), (loadgen.find_limit, "quota")])
def test_options_of_the_local_endpoint_are_refused_for_another_target(
    verb: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LoadgenError, match=rf"^--{name}: only for --target local; give it to the endpoint"):
        verb("quickstart", target="http://127.0.0.1:9", **{name: LOCAL[name]})
    assert not list(tmp_path.iterdir())
