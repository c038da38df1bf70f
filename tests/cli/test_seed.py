"""loadgen seed, verify and clean as a user types them."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import msgspec
import pytest
from click.testing import CliRunner, Result

from loadgen.aws import Account
from loadgen.cli import commands
from loadgen.endpoint import Endpoint
from loadgen.errors import LoadgenError
from loadgen.jobs import seed as seed_job
from loadgen.jobs.seed.ledger import SeedIdentity
from loadgen.jobs.seed.period import PastPeriod
from loadgen.jobs.seed.sending import suggest_thinning
from loadgen.jobs.seed.verification import open_account_of
from loadgen.jobs.seed.view import describe_result
from tests.jobs.seed.trial import accepted, begun, came_to, waited

SHOP = """
name = "shop"
[monitor]
name = "demo"
custom_events = true
tags = { team = "web" }
[arrivals]
rate = 0.001
[pages.home]
path = "/"
exit = 1
events = [{ type = "seen" }]
"""
PERIOD = PastPeriod(0.0, 1.0)
QUICKLY = ("--quota", 500, "--seed", 5)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.toml"
    file.write_text(SHOP)
    return file


def invoke(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], input=typed)


def refusal(*arguments: object) -> str:
    result = invoke(*arguments)
    assert isinstance(result.exception, LoadgenError), result.output
    return str(result.exception)


def seeded(shop: Path, *more: object) -> Result:
    result = invoke("seed", shop, "--days", 1, *QUICKLY, *more)
    assert result.exit_code == 0, result.output
    return result


INCIDENT = '[[incidents]]\nname = "bad"\nkind = "error"\nat = "36h"\nlength = "2h"\n'


def test_an_incident_on_the_second_day_needs_no_duration_in_the_file(shop: Path, endpoint: Endpoint) -> None:
    shop.write_text(SHOP + INCIDENT)
    result = invoke("seed", shop, "--days", 3, *QUICKLY)
    assert result.exit_code == 0, (result.output, result.exception)
    assert Path("results/seed-demo-shop/ground-truth.ndjson").exists()
    assert "is in already" in invoke("seed", shop, "--days", 3, *QUICKLY).output
    said = refusal("seed", shop, "--days", 1, "--seed", 5, "--out", "other")
    assert "begins after the run's 86400 s; write less, or a duration" in said


def test_the_python_functions_print_nothing(shop: Path, endpoint: Endpoint, capfd: pytest.CaptureFixture[str]) -> None:
    reports: list[object] = []
    result = seed_job.seed(shop, days=0.5, quota=500.0, seed=5, out="run", on_progress=reports.append)
    assert result.whole
    assert result in reports
    assert {type(each) for each in reports} >= {seed_job.SeedStart, seed_job.SeedProgress, seed_job.SeedResult}
    assert seed_job.verify("run").is_whole
    with pytest.raises(LoadgenError, match="nothing was deleted"):
        seed_job.clean("run")
    assert seed_job.clean("run", confirm=lambda _: True).deleted == ("demo",)
    assert capfd.readouterr() == ("", "")


def test_a_run_that_goes_on_says_what_earlier_runs_had_sent(shop: Path, endpoint: Endpoint) -> None:
    def stop_early(report: object) -> None:
        if isinstance(report, seed_job.SeedProgress) and report.accepted > 20:
            raise KeyboardInterrupt

    again = partial(seed_job.seed, shop, days=0.5, quota=100.0, seed=5, out="run")
    with pytest.raises(KeyboardInterrupt):
        again(on_progress=stop_early)
    result = again()
    assert result.whole
    assert result.progress is not None
    assert 20 < result.earlier < result.progress.accepted
    past, troubles, _ = describe_result(result)
    assert f"events in {result.progress.accepted:,} requests ({result.earlier:,} of them in earlier runs), each" in past
    assert troubles.startswith("this run: 429s ")
    past, troubles, _ = describe_result(msgspec.structs.replace(result, earlier=0))
    assert "earlier" not in past
    assert troubles.startswith("429s ")


@pytest.mark.parametrize("days", ["0", "week"])
def test_days_that_are_none_are_told_with_the_days_that_rum_keeps(shop: Path, days: str) -> None:
    said = " ".join(invoke("seed", shop, "--days", days).output.split())
    assert f"'{days}' is no length; write days, such as 7 or 0.5, up to the 30 that RUM keeps" in said


@pytest.mark.parametrize("verb", ["seed", "verify", "clean"])
def test_a_damaged_ledger_is_one_line(shop: Path, endpoint: Endpoint, verb: str) -> None:
    seeded(shop, "--out", "run")
    Path("run/ledger.sqlite").write_bytes(b"SQLite format 3\0" + b"\xa5" * 9000)
    command = ("seed", shop, "--days", 1, "--seed", 5, "--out", "run") if verb == "seed" else (verb, "run")
    assert "run/ledger.sqlite: cannot be read as a ledger" in refusal(*command)


def test_a_seeded_day_reads_back_whole(shop: Path, endpoint: Endpoint) -> None:
    assert "the past is in" in seeded(shop).output
    result = invoke("verify", "results/seed-demo-shop")
    assert result.exit_code == 0, result.output
    assert "whole: nothing lost, nothing twice" in result.output
    found = json.loads(invoke("verify", "results/seed-demo-shop", "--json").stdout)
    assert found["present"] == found["expected"] > 100


def test_a_missing_monitor_is_made_from_the_scenario_with_the_runs_tag(
    shop: Path, endpoint: Endpoint, account: Account
) -> None:
    seeded(shop)
    monitor = account.get("demo")
    assert monitor["Domain"] == "shop.example.com"
    assert monitor["CustomEvents"] == {"Status": "ENABLED"}
    assert monitor["Tags"].keys() == {"team", "loadgen:run"}


def test_the_same_command_again_sends_nothing(shop: Path, endpoint: Endpoint) -> None:
    seeded(shop)
    before = accepted(Path("results/seed-demo-shop"))
    assert "is in already; to check, run: loadgen verify" in seeded(shop).output
    assert "is in already" in seeded(shop, "--end", "now").output
    assert accepted(Path("results/seed-demo-shop")) == before


def test_what_is_lost_is_found_and_ends_with_1(shop: Path, endpoint: Endpoint, account: Account) -> None:
    seeded(shop)
    account.rum.delete_app_monitor(Name="demo")
    account.rum.create_app_monitor(Name="demo", Domain="shop.example.com")
    result = invoke("verify", "results/seed-demo-shop", "--wait", 0)
    assert result.exit_code == 1
    assert "NOT whole" in result.output
    assert "missing, such as" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--days", 1, "--seed", 6), "it belongs to seed 5, not 6"),
        (("--days", 2, "--seed", 5), "it belongs to the period"),
        (("--days", 1, "--seed", 5, "--rate", 2), "undo the change of the scenario (or of --rate, --sample-rate)"),
    ],
)
def test_a_ledger_of_something_else_is_refused(
    shop: Path, endpoint: Endpoint, options: tuple[object, ...], said: str
) -> None:
    seeded(shop)
    before = accepted(Path("results/seed-demo-shop"))
    assert said in refusal("seed", shop, *options)
    assert accepted(Path("results/seed-demo-shop")) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--days", 40), "RUM keeps 30 days"),
        (("--days", 1e6), "out of range; write a number of at most 366"),
        (("--from", "2020-01-02", "--to", "2020-01-01"), "the period is reversed"),
        (("--to", "2999-01-01"), "in the future"),
        (("--monitor", "no good"), 'app monitor name "no good" does not fit'),
        (("--monitor", "00000000-0000-4000-8000-000000000000"), "no app monitor has the id"),
        (("--target", "localhost"), "write aws, or a URL"),
        (("--target", "http://127.0.0.1:9"), "Could not connect"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(
    shop: Path, endpoint: Endpoint, account: Account, options: tuple[object, ...], said: str
) -> None:
    message = refusal("seed", shop, *options)
    assert said in message
    assert "\n" not in message
    assert not Path("results").exists()
    assert account.list_names() == []


def test_without_a_target_nothing_is_guessed(shop: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_RUM")
    assert "no target: give --target" in refusal("seed", shop)


def test_a_monitor_of_another_domain_is_refused(shop: Path, endpoint: Endpoint, account: Account) -> None:
    account.rum.create_app_monitor(Name="demo", Domain="other.example.org")
    assert "is for the domain other.example.org, the scenario's traffic is of shop.example.com" in refusal("seed", shop)
    assert not Path("results").exists()


def test_a_monitor_of_a_wildcard_domain_will_do(shop: Path, endpoint: Endpoint, account: Account) -> None:
    custom = {"Status": "ENABLED"}
    account.rum.create_app_monitor(Name="demo", Domain="*.example.com", CustomEvents=custom)
    seeded(shop)


def test_a_monitor_that_would_drop_custom_events_is_refused(shop: Path, endpoint: Endpoint, account: Account) -> None:
    account.rum.create_app_monitor(Name="demo", Domain="shop.example.com")
    assert "run: loadgen monitors update demo --custom-events" in refusal("seed", shop)


def test_a_folder_with_other_files_is_not_touched(shop: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    assert "give --out a folder that is new or empty" in refusal("seed", shop, "--out", tmp_path / "mine")


def test_a_folder_in_which_a_run_died_before_its_ledger_was_made_is_gone_on_with(
    shop: Path, endpoint: Endpoint, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ledger.lock").touch()
    assert "the past is in" in seeded(shop, "--out", tmp_path / "run").output


def test_a_monitor_that_is_gone_is_told(shop: Path, endpoint: Endpoint, account: Account) -> None:
    seeded(shop)
    account.rum.delete_app_monitor(Name="demo")
    said = refusal("seed", shop, "--days", 1, *QUICKLY)
    assert "its events went to the app monitor demo with the id" in said
    assert said.endswith("; it is gone; give --out another folder to begin a new one; nothing was changed")


def test_a_probe_says_what_the_service_keeps_and_is_not_sent_twice(shop: Path, endpoint: Endpoint) -> None:
    output = seeded(shop, "--probe").output
    assert output.count("were kept, and showed after") == 4
    found = json.loads(invoke("verify", "results/seed-demo-shop", "--json").stdout)
    assert (found["missing"], found["duplicated"], found["others"]) == (0, 0, 0)


def test_a_quota_of_50_is_learnt_with_a_handful_of_429s(shop: Path, endpoint: Endpoint, account: Account) -> None:
    limited(endpoint, 50.0)
    try:
        assert invoke("seed", shop, "--days", 1, "--seed", 5).exit_code == 0
    finally:
        limited(endpoint, None)
    monitor_id = account.get("demo")["Id"]
    with urlopen(f"{endpoint.url}/_loadgen/ledger?monitor={monitor_id}") as answer:
        assert json.load(answer)["requests"]["throttled"] <= 8


def limited(endpoint: Endpoint, quota: float | None) -> None:
    """Set the running endpoint's quota."""
    body = json.dumps({"quota": quota}).encode()
    with urlopen(UrlRequest(f"{endpoint.url}/_loadgen/settings", body, method="PUT")) as answer:
        assert json.load(answer)["quota"] == quota


def test_clean_deletes_what_the_run_made_and_nothing_else(shop: Path, endpoint: Endpoint, account: Account) -> None:
    seeded(shop)
    account.rum.create_app_monitor(Name="precious", Domain="x.example.com")
    assert "goes with its events" in invoke("clean", "results/seed-demo-shop", "--dry-run").output
    assert isinstance(invoke("clean", "results/seed-demo-shop", typed="no\n").exception, LoadgenError)
    assert account.list_names() == ["demo", "precious"]
    assert "deleted demo" in invoke("clean", "results/seed-demo-shop", "--yes").output
    assert account.list_names() == ["precious"]
    assert "nothing to delete" in invoke("clean", "results/seed-demo-shop").output


def test_clean_leaves_a_monitor_that_was_there_before(shop: Path, endpoint: Endpoint, account: Account) -> None:
    custom = {"Status": "ENABLED"}
    account.rum.create_app_monitor(Name="demo", Domain="shop.example.com", CustomEvents=custom)
    seeded(shop)
    assert "nothing to delete" in invoke("clean", "results/seed-demo-shop", "--yes").output
    assert account.list_names() == ["demo"]


def said(folder: Path, words: str, times: int) -> bool:
    return (folder / "said").read_text().count(words) == times


def test_live_goes_on_after_the_past_until_ctrl_c_and_again_from_there(
    shop: Path, endpoint: Endpoint, tmp_path: Path
) -> None:
    shop.write_text(SHOP.replace("rate = 0.001", "rate = 3"))
    command = ["seed", shop, "--days", 0.001, *QUICKLY, "--target", endpoint.url, "--out", "run", "--live"]
    for turn in (1, 2):
        with begun(*command, cwd=tmp_path) as process:
            assert waited(process, partial(said, tmp_path, "live: going on", turn))
            assert waited(process, partial(came_to, tmp_path / "run", accepted(tmp_path / "run") + 5))
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    result = invoke("verify", "run")
    assert result.exit_code == 0, result.output


def test_a_run_that_asks_aws_sends_nothing_without_a_yes(
    shop: Path, endpoint: Endpoint, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "is_local", property(lambda _: False))
    monkeypatch.setattr(Account, "fetch_number", lambda _: "123456789012")
    result = invoke("seed", shop, "--days", 1, *QUICKLY, typed="no\n")
    assert isinstance(result.exception, LoadgenError)
    assert "account 123456789012, app monitor demo (will be created)" in result.output
    assert account.list_names() == []
    assert not Path("results").exists()


def test_verify_asks_where_the_run_went_whatever_the_environment_says(endpoint: Endpoint) -> None:
    went = SeedIdentity(
        "r", "s", "f", 1, "https://dataplane.rum.eu-west-1.amazonaws.com", "eu-west-1", "m", "i", "", PERIOD
    )
    asked = open_account_of(went, lambda _: None)
    assert asked.rum.meta.endpoint_url == "https://rum.eu-west-1.amazonaws.com"
    assert not asked.is_local


def test_a_run_of_hours_says_so_and_how_to_thin_it() -> None:
    assert suggest_thinning(100_000, 50.0, 1.0) is None
    assert suggest_thinning(10_000_000, 50.0, 1.0) == (
        "that takes about 55.6 h at 50 requests a second; with --rate 0.003 it would take 10 min"
    )
    assert "with --rate 0.0003 " in str(suggest_thinning(10_000_000, 50.0, 0.1))
    assert "at 50 requests a second" in str(suggest_thinning(10_000_000, None, 1.0))


def test_the_environment_is_left_as_it_was() -> None:
    assert "LOADGEN_IDENTITY_POOL" not in os.environ
