"""The commands of fit's README: from a log export to a load test, on the endpoint's own data."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from click.testing import CliRunner

import loadgen
from loadgen.cli import commands
from loadgen.errors import LoadgenError
from tests.jobs.fit.forms import write_filtered
from tests.paths import ROOT

README = (ROOT / "loadgen" / "jobs" / "fit" / "README.md").read_text()
BLOCKS = [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]
AWS = [*re.findall(r"^aws .*$", README, re.MULTILINE), *re.findall(r"`(aws .*?)`", README)]
OF_THE_CLIENT = ("--output", "--query")
"""Options of the command line client itself."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[loadgen.Endpoint]:
    """An endpoint whose app monitor `shop` has been sent traffic."""
    with loadgen.Endpoint(quota=None) as running:
        running.client().create_app_monitor(Name="shop", Domain="shop.example.com")
        loadgen.run("quickstart", target=running.url, monitor="shop", duration=40, pace="20x", seed=1)
        yield running


@pytest.mark.parametrize("command", AWS)
def test_a_command_of_aws_has_the_parameters_that_the_service_takes(command: str) -> None:
    _, service, name, *rest = shlex.split(command.partition(" > ")[0])
    model = get_session().get_service_model(service)
    operation = model.operation_model("".join(part.capitalize() for part in name.split("-")))
    shape = operation.input_shape
    assert shape is not None
    members = {re.sub("(?<!^)([A-Z])", r"-\1", member).lower(): member for member in shape.members}
    given: dict[str, Any] = {}
    for option, value in zip(rest[::2], rest[1::2], strict=True):
        if option in OF_THE_CLIENT:
            continue
        member = members[option.removeprefix("--")]
        given[member] = read_value(shape.members[member], value)
    assert not ParamValidator().validate(given, shape).has_errors()


def read_value(shape: Any, value: str) -> Any:
    """A parameter as the client reads it, shorthand included."""
    if shape.type_name == "structure":
        return {name: read_value(shape.members[name], text) for name, text in
                (part.split("=") for part in value.split(","))}  # fmt: skip
    return int(value) if shape.type_name in ("integer", "long") else value


def test_a_log_export_becomes_a_load_test_in_three_commands(
    endpoint: loadgen.Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    export, *others = BLOCKS[0]
    file = export.partition(" > ")[2]
    pages = endpoint.client().get_paginator("get_app_monitor_data").paginate(
        Name="shop", TimeRange={"After": int((time.time() - 86_400) * 1000)}
    )  # fmt: skip
    write_filtered(Path(file), [json.loads(text) for page in pages for text in page["Events"]])
    fit, run = (shlex.split(command)[1:] for command in others)
    fitted = CliRunner().invoke(commands, fit)
    assert fitted.exit_code == 0, fitted.output
    assert Path("fit.html").read_text().startswith("<!doctype html>")
    ran = CliRunner().invoke(commands, [*run, "--pace", "20x", "--seed", "3"])
    assert ran.exit_code in (0, 3), ran.output  # 3: a busy machine, which sends late at twenty times the speed
    assert re.search(r"ledger +agrees", ran.output), ran.output


def test_a_monitor_is_read_live(endpoint: loadgen.Endpoint) -> None:
    found = loadgen.fit(monitor="shop", target=endpoint.url)
    with pytest.raises(LoadgenError, match="no events between"):
        loadgen.fit(monitor="shop", target=endpoint.url, after="2020-01-01", before="2020-01-02")
    assert found.sessions >= 60
    assert set(found.scenario.pages) == {"home", "product"}
