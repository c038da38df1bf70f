"""Locust's own page beside a run of ours, in a real browser: its dialog closes on a refusal, and the page says why."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen.swarm.live_page import FIXED
from tests.endpoint.browser.test_browser import CHROMIUM, HERE, whole_browser

__all__ = ["whole_browser"]

pytestmark = pytest.mark.browser


def test_locusts_page_says_why_a_run_is_not_edited(whole_browser: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "loadgen", "run", "quickstart", "--duration", "2m", "--web", str(port)]
    run = subprocess.Popen([*command, "--out", tmp_path / "run"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        order = json.dumps({"chromium": CHROMIUM, "url": f"http://127.0.0.1:{port}/"})
        done = subprocess.run(
            ["node", HERE / "locust.mjs", order], cwd=HERE, capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["said"] == FIXED
    finally:
        run.send_signal(signal.SIGINT)
        error = run.communicate(timeout=60)[1]
    assert run.returncode == 130, error
