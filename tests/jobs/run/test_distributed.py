"""Workers on other machines: hosts in network namespaces of their own, joined by a bridge."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.run.test_end_to_end import KEY, assert_accounted, clean_environment
from tests.paths import QUICKSTART

pytestmark = pytest.mark.locust

PREFIX = "10.213.77"
HOSTS = {"lgtarget": 2, "lgmaster": 3, "lgworker1": 4, "lgworker2": 5}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def namespaces_work() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    tried = subprocess.run(["ip", "netns", "add", "lgprobe"], capture_output=True)
    subprocess.run(["ip", "netns", "del", "lgprobe"], capture_output=True)
    return tried.returncode == 0


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, str]]:
    """Four hosts with an address each."""
    if not namespaces_work():
        pytest.skip("NOT TESTED: network namespaces need root and iproute2's ip")
    clean_up()
    ip("netns", "add", "lgswitch")
    ip("-n", "lgswitch", "link", "add", "br0", "type", "bridge")
    ip("-n", "lgswitch", "link", "set", "br0", "up")
    for host, number in HOSTS.items():
        ip("netns", "add", host)
        ip("link", "add", f"v{host}", "netns", "lgswitch", "type", "veth", "peer", "name", "eth0", "netns", host)
        ip("-n", "lgswitch", "link", "set", f"v{host}", "master", "br0", "up")
        ip("-n", host, "addr", "add", f"{PREFIX}.{number}/24", "dev", "eth0")
        ip("-n", host, "link", "set", "eth0", "up")
        ip("-n", host, "link", "set", "lo", "up")
    yield {host: f"{PREFIX}.{number}" for host, number in HOSTS.items()}
    clean_up()


def clean_up() -> None:
    for host in (*HOSTS, "lgswitch"):
        subprocess.run(["ip", "netns", "del", host], capture_output=True)


def on(host: str, *arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a loadgen command on a host."""
    keys = {
        "AWS_ACCESS_KEY_ID": KEY.access_key_id,
        "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LOADGEN_ACCESS_KEY_ID": KEY.access_key_id,
        "LOADGEN_SECRET_ACCESS_KEY": KEY.secret_access_key,
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.Popen(
        ["ip", "netns", "exec", host, sys.executable, "-m", "loadgen", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment() | keys | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def target(hosts: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """An endpoint on a host of its own, with an app monitor."""
    serving = on("lgtarget", "serve", "--host", hosts["lgtarget"], "--port", 8000, "--quota", "off", cwd=tmp_path)
    assert serving.stdout is not None
    for line in serving.stdout:
        if "AWS_ACCESS_KEY_ID" in line:
            break
    url = f"http://{hosts['lgtarget']}:8000"
    script = (
        "import boto3; from botocore.config import Config; "
        f"rum = boto3.client('rum', endpoint_url={url!r}, config=Config(inject_host_prefix=False)); "
        "rum.create_app_monitor(Name='shop', Domain='shop.example.com')"
    )
    keys = {"AWS_ACCESS_KEY_ID": KEY.access_key_id, "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key}
    subprocess.run(
        ["ip", "netns", "exec", "lgmaster", sys.executable, "-c", script],
        env=clean_environment() | keys | {"AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
    )
    yield url
    serving.terminate()
    serving.wait(20)


def conducted(hosts: dict[str, str], target: str, tmp_path: Path, name: str, workers: int) -> dict[str, object]:
    """A run of one master and so many workers on other hosts; its summary."""
    options: tuple[object, ...]
    options = ("--target", target, "--monitor", "shop", "--duration", "6s", "--rate", 4, "--seed", 3, "--out", name)
    if workers:
        options += ("--master", "--expect-workers", workers, "--bind-host", hosts["lgmaster"])
    master = on("lgmaster", "run", QUICKSTART, *options, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    others = [
        on(f"lgworker{n + 1}", "worker", "--master-host", hosts["lgmaster"], cwd=elsewhere) for n in range(workers)
    ]
    said, _ = master.communicate(timeout=90)
    assert master.returncode == 0, said
    for worker in others:
        worker.communicate(timeout=30)
        assert worker.returncode == 0
    summary: dict[str, object] = json.loads((tmp_path / name / "summary.json").read_text())
    return summary


def test_two_machines_send_the_sessions_of_one(hosts: dict[str, str], target: str, tmp_path: Path) -> None:
    one = conducted(hosts, target, tmp_path, "one", 0)
    two = conducted(hosts, target, tmp_path, "two", 2)
    assert_accounted(two)
    assert two["events"] == one["events"]
    assert two["outcomes"]["sent"]["raw_bytes"] == one["outcomes"]["sent"]["raw_bytes"]  # type: ignore[index]  # JSON
    assert two["generator"]["workers"] == 2  # type: ignore[index]  # JSON


def test_a_worker_whose_clock_is_wrong_sends_at_the_right_moments(
    hosts: dict[str, str], target: str, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "sitecustomize.py").write_text("import time\nright = time.time\ntime.time = lambda: right() + 3.2\n")
    options: tuple[object, ...]
    options = ("--target", target, "--monitor", "shop", "--duration", "6s", "--rate", 4, "--seed", 3, "--out", "skewed")
    conducting = ("--master", "--expect-workers", 2, "--bind-host", hosts["lgmaster"])
    master = on("lgmaster", "run", QUICKSTART, *options, *conducting, cwd=tmp_path)
    to = ("worker", "--master-host", hosts["lgmaster"])
    workers = [on("lgworker1", *to, cwd=wrong), on("lgworker2", *to, cwd=wrong, PYTHONPATH=str(wrong))]
    said, _ = master.communicate(timeout=90)
    for worker in workers:
        worker.communicate(timeout=30)
    summary = json.loads((tmp_path / "skewed" / "summary.json").read_text())
    assert summary["verdict"] == "passed", said
    offsets = sorted(summary["generator"]["clock_offsets_ms"])
    assert offsets == [pytest.approx(0, abs=50), pytest.approx(3200, abs=50)]
    assert any("3.2" in reason and "ahead of ours" in reason for reason in summary["reasons"])
    assert_accounted(summary)


def test_a_worker_that_comes_late_is_told_and_disturbs_nobody(
    hosts: dict[str, str], target: str, tmp_path: Path
) -> None:
    options: tuple[object, ...]
    options = ("--target", target, "--monitor", "shop", "--duration", "25s", "--rate", 4, "--seed", 3, "--out", "late")
    master = on("lgmaster", "run", QUICKSTART, *options, "--master", "--bind-host", hosts["lgmaster"], cwd=tmp_path)
    to = ("worker", "--master-host", hosts["lgmaster"])
    first = on("lgworker1", *to, cwd=tmp_path)
    assert master.stdout is not None
    assert any(re.search("accepted [1-9]", line) for line in iter(master.stdout.readline, ""))
    late = on("lgworker2", *to, cwd=tmp_path)
    said, _ = master.communicate(timeout=90)
    for worker in (first, late):
        worker.communicate(timeout=30)  # sooner than Locust's stop timeout of a minute
    summary = json.loads((tmp_path / "late" / "summary.json").read_text())
    assert (summary["verdict"], summary["generator"]["workers"]) == ("passed", 1), said
    assert any("1 worker(s) connected after the start" in reason for reason in summary["reasons"])


def test_a_master_without_workers_says_so(hosts: dict[str, str], tmp_path: Path) -> None:
    refused = on("lgmaster", "run", QUICKSTART, "--master", cwd=tmp_path)
    said, _ = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert re.search("cannot reach the endpoint of --target local", said)
