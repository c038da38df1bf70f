"""The pytest plugin: what it costs, and that a test gets an endpoint of its own and words that help."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from loadgen.testing.rum_endpoint import RumEndpoint
from tests.endpoint.test_endpoint import put
from tests.paths import ROOT


def test_the_installed_plugin_has_the_name_of_its_module() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert points == {"loadgen.testing": "loadgen.testing"}


def test_loading_the_plugin_imports_nothing_but_pytest() -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import loadgen.testing; print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"loadgen", "loadgen.testing"}


def test_events_are_found_by_type_and_page_with_details_decoded(rum_endpoint: RumEndpoint) -> None:
    monitor = rum_endpoint.create_monitor("shop")
    put(rum_endpoint.client(), monitor, 2)
    put(rum_endpoint.client(), monitor, type="cart", metadata='{"version":"1.0.0","pageId":"/b"}', details='{"n":3}')
    assert len(rum_endpoint.events()) == 3
    assert (
        len(rum_endpoint.events("page_view_event")) == len(rum_endpoint.events("com.amazon.rum.page_view_event")) == 2
    )
    (cart,) = rum_endpoint.events("cart", "/b", monitor="shop")
    assert (cart["event_details"], cart["metadata"]["pageId"]) == ({"n": 3}, "/b")
    assert rum_endpoint.events(page="/a", type="cart") == []
    rum_endpoint.assert_no_refusals()


def test_waiting_in_vain_says_what_came_instead(rum_endpoint: RumEndpoint) -> None:
    monitor = rum_endpoint.create_monitor()
    with pytest.raises(AssertionError, match=r"1 of cart did not come within 0.1 s, but nothing came at all \(0 calls"):
        rum_endpoint.events("cart", wait=0.1)
    put(rum_endpoint.client(), monitor)
    with pytest.raises(AssertionError, match=r"3 of any type on /a did not come .*, but 1 of page_view_event on /a"):
        rum_endpoint.events(page="/a", wait=0.1, count=3)


def test_a_refusal_is_told_with_the_offending_member(rum_endpoint: RumEndpoint) -> None:
    monitor = rum_endpoint.create_monitor()
    with pytest.raises(rum_endpoint.client().exceptions.ValidationException):
        put(rum_endpoint.client(), monitor, id="x" * 36)
    put(rum_endpoint.client(), monitor, timestamp=time.time() - 40 * 86400)
    with pytest.raises(AssertionError) as failed:
        rum_endpoint.assert_no_refusals()
    assert "400 ValidationException: " in str(failed.value)
    assert "rumEvents.1.member.id" in str(failed.value)
    assert "event 0 (com.amazon.rum.page_view_event): " in str(failed.value)


@pytest.mark.parametrize("turn", [1, 2])
def test_nothing_of_another_test_is_left(rum_endpoint: RumEndpoint, turn: int) -> None:
    assert rum_endpoint.client().list_app_monitors()["AppMonitorSummaries"] == []
    assert not rum_endpoint.events() and not rum_endpoint.refusals() and not rum_endpoint.calls()
    monitor = rum_endpoint.create_monitor()
    with pytest.raises(rum_endpoint.client().exceptions.ResourceNotFoundException):
        put(rum_endpoint.client(), str(uuid.uuid4()))
    put(rum_endpoint.client(), monitor)
    rum_endpoint.set_faults("404=0-60")
    rum_endpoint.set_quota(1.0)
    assert len(rum_endpoint.refusals()) == 1
    rum_endpoint.clear()
    with pytest.raises(rum_endpoint.client().exceptions.ResourceNotFoundException):
        put(rum_endpoint.client(), monitor)  # as a page that closes late
    assert rum_endpoint.refusals() == []


def test_a_quota_hits_a_program_and_is_no_refusal(rum_endpoint: RumEndpoint, rum_env: dict[str, str]) -> None:
    client = boto3.client("rum", config=Config(retries={"total_max_attempts": 1}))
    monitor = rum_endpoint.create_monitor()
    rum_endpoint.set_quota(0.001, burst=1)
    put(client, monitor)
    with pytest.raises(client.exceptions.ThrottlingException):
        put(client, monitor)
    rum_endpoint.assert_no_refusals()
    assert [call.status for call in rum_endpoint.calls()][:2] == [200, 429]


def test_the_environment_leads_an_unmodified_client_to_the_endpoint(
    rum_endpoint: RumEndpoint, rum_env: dict[str, str]
) -> None:
    put(boto3.client("rum"), rum_endpoint.create_monitor(), 4)
    assert len(rum_endpoint.events(wait=5, count=4)) == 4
    assert rum_env["AWS_ENDPOINT_URL_RUM"] == rum_endpoint.url


def test_a_project_with_the_readme_s_lines_passes(tmp_path: Path) -> None:
    readme = (ROOT / "loadgen" / "testing" / "README.md").read_text()
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["loadgen.testing"]\n')
    (tmp_path / "test_shop.py").write_text(readme.partition("```python\n")[2].partition("```")[0])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
