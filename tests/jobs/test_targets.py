"""Which RUM a job talks to, and what it asks before anything goes to AWS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import loadgen
from loadgen.aws import Account
from loadgen.errors import LoadgenError
from loadgen.jobs.progress import ignore_progress
from loadgen.jobs.targets import VARIABLE, ConsentQuestion, Sending, check_url, confirm_sending, open_account
from loadgen.wire.sigv4 import Credentials
from tests.paths import SCENARIOS

KEY = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
AWS: Any = SimpleNamespace(region="eu-west-1", fetch_number=lambda: "123456789012")


def sending(exact: bool) -> Sending:
    return Sending(cast("Account", AWS), "app monitor demo (id)", 1200, 100_000, exact, remark=", once")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://user:secret@rum.example.com", "leave user and password out of the URL"),
        ("http://", "names no host"),
        *(
            (url, "in ASCII and without blanks")
            for url in ("http://a b", "http://h/\n", "http://h/?a=1", "http://h/#f")
        ),
        ("http://\u00fcmlaut.example", "in ASCII and without blanks"),
        ("http://host:port", "write a URL such as http://127.0.0.1:8000"),
        ("http://[::1", "write a URL such as http://127.0.0.1:8000"),
    ],
)
def test_a_url_that_cannot_be_a_target_is_refused_without_its_secret(url: str, said: str) -> None:
    with pytest.raises(LoadgenError, match=said) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


def test_nothing_is_guessed_where_no_target_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(LoadgenError, match="no target: give --target"):
        open_account(None, "us-east-1", ignore_progress)
    with pytest.raises(LoadgenError, match="'ftp://x' is no target; write aws, or a URL"):
        open_account("ftp://x", "us-east-1", ignore_progress)


def test_the_environment_names_a_target_and_an_option_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:8001/")
    assert open_account(None, "us-east-1", ignore_progress).data_plane == "http://127.0.0.1:8001"
    assert open_account("http://127.0.0.1:8002", "us-east-1", ignore_progress).data_plane == "http://127.0.0.1:8002"


JOBS: tuple[Callable[..., Any], ...] = (loadgen.run, loadgen.find_limit, loadgen.seed)


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "local", "proxy": "http://proxy:1"}, "--proxy: works only with --target URL or aws"),
        ({"target": "local", "ca_bundle": "ca.pem"}, "--ca-bundle: works only with --target URL or aws"),
        ({"target": "http://127.0.0.1:9", "proxy": "http://proxy:1"}, "--proxy: http://127.0.0.1:9 is on this machine"),
        ({"target": "http://rum.corp.test", "proxy": ""}, "--proxy: http:// names no host"),
        ({"target": "http://rum.corp.test", "proxy": "socks5://proxy"}, "--proxy: socks5://proxy cannot be used"),
        ({"target": "http://rum.corp.test", "ca_bundle": "/nowhere"}, "--ca-bundle: /nowhere cannot be read"),
        ({"target": "http://rum.corp.test", "ca_bundle": ""}, "--ca-bundle:  is a folder"),
    ],
)
def test_a_way_to_a_target_that_cannot_be_used_is_refused_before_anything_is_sent(
    job: Callable[..., Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(LoadgenError, match=rf"^{said}"):
        job(SCENARIOS / "quickstart.toml", **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accept": "3xx"}, r"accept \(--accept\): '3xx' is no valid value; write rum or 2xx"),
        ({"senders": 0}, r"senders \(--senders\): 0 is out of range; write a number of at least 1"),
        ({"seed": -1}, r"seed \(--seed\): -1 is out of range"),
        ({"rate": float("nan")}, r"rate \(--rate\): nan is out of range; write a finite number"),
        ({"no_such": 1}, "there is no option no_such; the options are proxy, ca_bundle, target, monitor"),
    ],
)
def test_run_and_find_limit_refuse_an_option_in_the_same_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError, match=said):
        loadgen.run(SCENARIOS / "quickstart.toml", **options)
    if "rate" not in options:  # a search has rates of its own
        with pytest.raises(LoadgenError, match=said):
            loadgen.find_limit(SCENARIOS / "quickstart.toml", **options)


def test_each_job_goes_through_the_proxy_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # The endpoint takes requests as a proxy gets them, and nobody else knows the target's name.
    aim: dict[str, Any] = {"target": "http://rum.corp.invalid"}
    quickstart = SCENARIOS / "quickstart.toml"
    with loadgen.Endpoint(quota=None, credentials=(KEY,)) as proxy:
        way: dict[str, Any] = {"proxy": proxy.url}
        seeded = loadgen.seed(quickstart, days=0.001, rate=0.1, out=tmp_path / "seeded", **aim, **way)
        assert seeded.whole
        read = loadgen.verify(tmp_path / "seeded", **way)
        assert read.is_whole
        assert read.present > 0
        ran = loadgen.run(quickstart, duration=12, pace="4x", seed=1, out=tmp_path / "ran", **aim, **way)
        assert ran.summary.requests.accepted == ran.summary.requests.sent > 0
        assert ran.spec.proxy == proxy.url
        cleaned = loadgen.clean(tmp_path / "seeded", confirm=lambda _: True, **way)
        assert cleaned.deleted == ("loadgen",)
    with pytest.raises(LoadgenError, match="proxy"):
        loadgen.verify(tmp_path / "seeded", **way)


@pytest.mark.parametrize("exact", [True, False])
def test_the_question_tells_account_amount_and_price(exact: bool) -> None:
    asked: list[ConsentQuestion] = []

    def say_yes(question: ConsentQuestion) -> bool:
        asked.append(question)
        return True

    confirm_sending(say_yes, sending(exact))
    about = "" if exact else "about "
    assert asked[0].facts == (
        "This sends to AWS: region eu-west-1, account 123456789012, app monitor demo (id)",
        f"expected: {about}1,200 requests, {about}100,000 events, {about}$1.00, once",
    )


@pytest.mark.parametrize("confirm", [None, lambda _: False])
def test_without_a_yes_nothing_is_sent(confirm: Any) -> None:
    with pytest.raises(LoadgenError, match="nothing was sent"):
        confirm_sending(confirm, sending(True))
