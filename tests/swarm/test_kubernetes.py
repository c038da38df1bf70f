"""The manifests for Kubernetes: valid by its schemas, and with command lines that our own parsers take."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import jsonschema
import kubernetes_validate
import pytest
import yaml

from loadgen.cli import commands
from loadgen.scenario import Scenario
from tests.paths import ROOT

FOLDER = ROOT / "loadgen" / "swarm" / "kubernetes"
JOBS, OPERATOR = FOLDER / "jobs.yaml", FOLDER / "locust-operator.yaml"
VERSIONS = ("1.29", "1.37")  # the first with backoffLimitPerIndex switched on, and the newest of the package

STRINGS = {"type": "object", "additionalProperties": False, "required": ["name"]}
LOCUST_TEST = {  # the part of the operator's custom resource definition (locusttests.locust.io, v1) that we use
    "type": "object",
    "required": ["workers"],
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string"},
        "workers": {"type": "integer", "minimum": 1},
        "args": {"type": "string"},
        "env": {
            "type": "array",
            "items": STRINGS | {"properties": {"name": {"type": "string"}, "value": {"type": "string"}}},
        },
        "locustfile": {
            "type": "object",
            "additionalProperties": False,
            "required": ["configMap"],
            "properties": {"configMap": STRINGS | {"properties": {"name": {"type": "string"}}}},
        },
    },
}


def read(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    return [each for each in read(path) if each["kind"] == kind]


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def scenario_in(path: Path, folder: Path) -> Path:
    """The scenario of a manifest's ConfigMap as a file; it is one that `check` takes."""
    (config,) = of_kind(path, "ConfigMap")
    text = config["data"]["shop.toml"]
    assert Scenario.parse(text, "shop.toml").name == "shop"
    written = folder / "shop.toml"
    written.write_text(text)
    return written


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", [JOBS, OPERATOR], ids=lambda path: path.stem)
def test_each_resource_is_valid_by_the_schemas_of_kubernetes(path: Path, version: str) -> None:
    ours = [each for each in read(path) if each["kind"] != "LocustTest"]
    assert ours
    for resource in ours:
        kubernetes_validate.validate(resource, version, strict=True)


def test_a_wrong_field_is_not_valid() -> None:
    (service,) = of_kind(JOBS, "Service")
    service["spec"]["selektor"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[-1], strict=True)


def test_the_jobs_have_command_lines_that_loadgen_takes(tmp_path: Path) -> None:
    scenario = scenario_in(JOBS, tmp_path)
    given = {}
    for job in of_kind(JOBS, "Job"):
        container = container_of(job)
        assert container["command"] == ["loadgen"]
        verb, *rest = (word.replace("/scenario/shop.toml", str(scenario)) for word in container["args"])
        command = commands.get_command(click.Context(commands), verb)
        assert command is not None
        given[verb] = command.make_context(verb, rest).params
    assert given["run"]["master"]
    assert given["run"]["yes"]
    assert given["run"]["bind_host"] == "0.0.0.0"
    (workers,) = [job for job in of_kind(JOBS, "Job") if job["spec"].get("completionMode") == "Indexed"]
    assert given["run"]["expect_workers"] == workers["spec"]["completions"] == workers["spec"]["parallelism"]


def test_the_workers_find_the_master_by_its_service() -> None:
    (service,) = of_kind(JOBS, "Service")
    by_name = {job["metadata"]["name"]: job for job in of_kind(JOBS, "Job")}
    labels = by_name["loadgen-master"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    command = commands.get_command(click.Context(commands), "worker")
    assert command is not None
    given = command.make_context("worker", container_of(by_name["loadgen-worker"])["args"][1:]).params
    assert given["master_host"] == service["metadata"]["name"]
    assert given["master_port"] == service["spec"]["ports"][0]["port"]


PARSED = """
import json, sys
from locust.argument_parser import get_parser
from loadgen.swarm import locustfile  # registers our options
from loadgen.swarm.options import resolve_spec

for role in (["--master"], ["--worker", "--master-host", "loadgen-shop"]):
    options = get_parser([]).parse_args([*role, *sys.argv[1:]])
    print(json.dumps([resolve_spec(options, options.host).scenario.name, options.expect_workers, options.num_users]))
"""


def test_locust_takes_what_the_operator_gives_to_master_and_workers(tmp_path: Path) -> None:
    (resource,) = of_kind(OPERATOR, "LocustTest")
    jsonschema.validate(resource["spec"], LOCUST_TEST)
    arguments = shlex.split(resource["spec"]["args"])
    at = {"/home/locust/shop.toml": str(scenario_in(OPERATOR, tmp_path)), "/app": str(ROOT)}
    for inside, here in at.items():
        arguments = [word.replace(inside, here) for word in arguments]
    assert Path(arguments[arguments.index("-f") + 1]).is_file()
    done = subprocess.run([sys.executable, "-c", PARSED, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [["shop", resource["spec"]["workers"], 500]] * 2
