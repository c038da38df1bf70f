"""The control plane's verbs as a user types them; together they reach every operation of the RUM API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadgen.cli import commands
from loadgen.errors import LoadgenError

WANTED = """
name = "shop"
[monitor]
name = "demo"
metrics = [{ name = "JsErrorCount" }]
policy = [{}]
[pages.home]
path = "/"
exit = 1
"""

pytestmark = pytest.mark.usefixtures("endpoint")


def invoke(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], input=typed)


def done(*arguments: object) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def data(*arguments: object) -> Any:
    return json.loads(done(*arguments, "--json"))


def refusal(*arguments: object, typed: str = "") -> str:
    result = invoke(*arguments, typed=typed)
    assert isinstance(result.exception, LoadgenError), result.output
    return str(result.exception)


def test_a_monitor_is_created_listed_shown_updated_and_deleted() -> None:
    options = ("--domain", "a.example.com", "--domain", "b.example.com", "--tag", "team=web", "--sample-rate", 0.5)
    made = data("monitors", "create", "demo", *options)
    listed = data("monitors", "list")
    assert [(each["Name"], each["Id"]) for each in listed] == [("demo", made["Id"])]
    assert made["Id"] in done("monitors", "list")
    done("monitors", "update", "demo", "--no-cookies", "--logs", "--custom-events", "--telemetry", "http")
    shown = data("monitors", "show", "demo")["monitor"]
    assert shown["DomainList"] == ["a.example.com", "b.example.com"]
    assert shown["AppMonitorConfiguration"]["SessionSampleRate"] == 0.5
    assert shown["AppMonitorConfiguration"]["Telemetries"] == ["http"]
    assert shown["DataStorage"]["CwLog"]["CwLogEnabled"] is True
    assert "AppMonitorConfiguration.SessionSampleRate" in done("monitors", "show", "demo")
    done("monitors", "delete", "demo", "--yes")
    assert data("monitors", "list") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--destination", "Evidently", "--role", "arn:x"), "Evidently needs destination_arn (--destination-arn)"),
        (("--destination-arn", "arn:x"), "destination_arn (--destination-arn) is of Evidently alone"),
        (("--destination", "Evidently", "--destination-arn", "arn:x"), "Evidently needs role (--role)"),
        (("--role", "arn:x"), "role (--role) is of Evidently alone"),
    ],
)
def test_what_evidently_needs_and_cloudwatch_does_not_take_is_told_before_a_call(
    options: tuple[str, ...], said: str
) -> None:
    assert said in refusal("metrics", "enable", "shop", *options)


def test_a_dimension_of_another_form_is_told_with_its_option() -> None:
    said = refusal("metrics", "add", "shop", "--metric", "JsErrorCount", "--dimension", "foo")
    assert said == ("dimensions (--dimension): 'foo' is none; write FIELD=NAME, such as metadata.countryCode=Country")


def test_metrics_that_there_are_none_of_are_said() -> None:
    done("monitors", "create", "shop", "--domain", "a.example.com")
    enable = "app monitor shop has no metrics destination; `loadgen metrics enable shop` creates one\n"
    assert done("metrics", "list", "shop") == enable
    done("metrics", "enable", "shop")
    assert "destination CloudWatch has no metric definitions; `loadgen metrics add shop` defines one\n" in done(
        "metrics", "list", "shop"
    )
    assert data("metrics", "list", "shop")["MetricDefinitions"] == {"CloudWatch": []}


@pytest.mark.parametrize("typed", ["", "no\n"])
def test_a_question_that_nobody_answers_on_a_terminal_leaves_the_line_to_what_follows(typed: str) -> None:
    done("monitors", "create", "demo", "--domain", "a.example.com")
    result = invoke("monitors", "delete", "demo", typed=typed)
    assert isinstance(result.exception, LoadgenError)
    assert result.stderr.endswith("\n")


def test_a_missing_destination_or_definition_is_not_taken_for_a_missing_monitor() -> None:
    metric = ("--metric", "JsErrorCount")
    assert "there is none of that name; see `loadgen monitors list`" in refusal("metrics", "add", "definition", *metric)
    done("monitors", "create", "shop", "--domain", "a.example.com")
    enable = "it has no such metrics destination; create it with `loadgen metrics enable shop` ("
    for verb in (("add", "shop", *metric), ("change", "shop", "nope", *metric), ("remove", "shop", "nope")):
        assert enable in refusal("metrics", *verb)
    assert enable in refusal("metrics", "disable", "shop", "--yes")
    done("metrics", "enable", "shop")
    unknown = refusal("metrics", "change", "shop", "nope", *metric)
    assert "it has no such metric definition; see `loadgen metrics list shop` (" in unknown


@pytest.mark.parametrize("platform", ["Android", "iOS"])
def test_an_app_monitor_for_phones_is_made_with_a_note(platform: str) -> None:
    result = invoke("monitors", "create", "phone", "--platform", platform)
    assert result.exit_code == 0
    assert f"applications for {platform} send OTLP, which loadgen neither sends nor accepts" in result.stderr


def test_deletion_shows_what_goes_and_asks() -> None:
    done("monitors", "create", "demo", "--domain", "a.example.com", "--tag", "team=web")
    done("metrics", "enable", "demo")
    result = invoke("monitors", "delete", "demo", typed="\n")
    assert "1 metrics destinations with 0 definitions, no resource policy and 1 tags" in result.output
    assert isinstance(result.exception, LoadgenError)
    assert len(data("monitors", "list")) == 1


def test_tags_are_added_listed_and_removed() -> None:
    done("monitors", "create", "demo", "--domain", "a.example.com")
    done("tags", "add", "demo", "team=web", "stage=demo=1")
    assert data("tags", "list", "demo") == {"team": "web", "stage": "demo=1"}
    done("tags", "remove", "demo", "team")
    assert "stage  demo=1" in done("tags", "list", "demo")


def test_metrics_are_enabled_added_changed_removed_and_disabled() -> None:
    done("monitors", "create", "demo", "--domain", "a.example.com")
    done("metrics", "enable", "demo")
    made = data("metrics", "add", "demo", "--metric", "Http5xxCount")["MetricDefinitions"][0]
    assert '"numeric":[">=",500,"<=",599]' in made["EventPattern"]
    number = made["MetricDefinitionId"]
    done("metrics", "change", "demo", number, "--metric", "JsErrorCount", "--unit", "Count")
    kept = data("metrics", "list", "demo")["MetricDefinitions"]["CloudWatch"]
    assert [(each["MetricDefinitionId"], each["Name"]) for each in kept] == [(number, "JsErrorCount")]
    assert number in done("metrics", "list", "demo")
    done("metrics", "remove", "demo", number)
    assert data("metrics", "list", "demo")["MetricDefinitions"] == {"CloudWatch": []}
    done("metrics", "disable", "demo", "--yes")
    assert data("metrics", "list", "demo")["Destinations"] == []


def test_a_policy_is_put_shown_and_deleted(tmp_path: Path) -> None:
    done("monitors", "create", "demo", "--domain", "a.example.com")
    done("policy", "put", "demo", "--public")
    document = json.loads(done("policy", "show", "demo"))["PolicyDocument"]
    assert json.loads(document)["Statement"][0]["Principal"] == "*"
    (tmp_path / "policy.json").write_text(document.replace("Allow", "Deny"))
    done("policy", "put", "demo", tmp_path / "policy.json")
    shown = done("policy", "show", "demo")
    assert "Deny" in shown
    done("policy", "put", "demo", "--public")
    (tmp_path / "shown.json").write_text(shown)
    done("policy", "put", "demo", tmp_path / "shown.json")
    assert json.loads(done("policy", "show", "demo"))["PolicyDocument"] == json.loads(shown)["PolicyDocument"]
    (tmp_path / "shown.json").write_text(json.dumps({"PolicyDocument": "no JSON"}))
    assert "no policy document" in refusal("policy", "put", "demo", tmp_path / "shown.json")
    done("policy", "delete", "demo", "--yes")
    assert "has no resource policy" in refusal("policy", "show", "demo")


def test_apply_prints_its_plan_obeys_it_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(WANTED)
    planned = data("monitors", "apply", tmp_path / "shop.toml", "--dry-run")
    assert [call["operation"] for call in planned] == [
        "CreateAppMonitor",
        "PutRumMetricsDestination",
        "BatchCreateRumMetricDefinitions",
        "PutResourcePolicy",
    ]
    assert data("monitors", "list") == []
    done("monitors", "apply", tmp_path / "shop.toml")
    assert data("monitors", "apply", tmp_path / "shop.toml") == []
    assert "as wanted: nothing to do" in done("monitors", "apply", tmp_path / "shop.toml")


DOMAINS = ("--domain", "shop.example.com", "--domain", "www.example.com")


def test_apply_leaves_other_domains_alone(tmp_path: Path) -> None:
    done("monitors", "create", "demo", *DOMAINS)
    (tmp_path / "shop.toml").write_text(WANTED.replace('name = "demo"', 'name = "demo"\ndomain = "shop.example.com"'))
    done("monitors", "apply", tmp_path / "shop.toml")
    assert data("monitors", "show", "demo")["monitor"]["DomainList"] == ["shop.example.com", "www.example.com"]


@pytest.mark.parametrize("verb", ["apply", "update"])
def test_what_is_taken_away_is_shown_and_asked_for(tmp_path: Path, verb: str) -> None:
    done("monitors", "create", "demo", *DOMAINS)
    (tmp_path / "shop.toml").write_text(
        WANTED.replace('name = "demo"', 'name = "demo"\ndomains = ["shop.example.com"]')
    )
    command = {
        "apply": ("monitors", "apply", tmp_path / "shop.toml"),
        "update": ("monitors", "update", "demo", "--domain", "shop.example.com"),
    }[verb]
    refused = invoke(*command, typed="no\n")
    assert "app monitor demo loses domain www.example.com" in refused.output
    assert "nothing was changed" in str(refused.exception)
    assert len(data("monitors", "show", "demo")["monitor"]["DomainList"]) == 2
    done(*command, "--yes")
    shown = data("monitors", "show", "demo")["monitor"]
    assert shown.get("DomainList", [shown.get("Domain")]) == ["shop.example.com"]


def test_an_update_of_included_pages_says_that_excluded_ones_go() -> None:
    done("monitors", "create", "demo", "--domain", "shop.example.com", "--exclude-page", "https://shop.example.com/a")
    command = ("monitors", "update", "demo", "--include-page", "https://shop.example.com/b")
    assert "loses ExcludedPages https://shop.example.com/a" in invoke(*command, typed="no\n").output


def test_apply_makes_the_neighbours_too(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(WANTED + '\n[[neighbours]]\nmonitor.name = "blog"\narrivals.rate = 1\n')
    done("monitors", "apply", tmp_path / "two.toml")
    assert data("monitors", "apply", tmp_path / "two.toml") == []
    assert {each["Name"] for each in data("monitors", "list")} >= {"blog"}
    assert "several app monitors" in refusal("monitors", "apply", tmp_path / "two.toml", "--monitor", "other")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("monitors", "create", "bad name", "--domain", "x.example.com"), 'name "bad name" does not fit'),
        (("monitors", "create", "demo"), "needs a domain"),
        (("monitors", "update", "demo"), "nothing to change"),
        (("monitors", "show", "nowhere"), "there is no app monitor 'nowhere'"),
        (("monitors", "delete", "nowhere", "--yes"), "there is no app monitor 'nowhere'"),
        (("monitors", "list", "--target", "ftp://x"), "write aws, or a URL"),
        (("tags", "add", "demo", "novalue"), "write each as KEY=VALUE"),
        (("metrics", "add", "demo", "--metric", "Nope"), "metric Nope: name Nope is not an extended metric"),
        (("metrics", "add", "demo", "--metric", "X", "--pattern", "{"), "--pattern: not a JSON object"),
        (("policy", "put", "demo"), "give either a file with the policy document, or --public"),
        (("policy", "put", "demo", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[object, ...], said: str) -> None:
    message = refusal(*arguments)
    assert said in message
    assert "\n" not in message
