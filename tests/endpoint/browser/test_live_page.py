"""Locust's own page beside a run of ours, in a real browser: what its EDIT, NEW and STOP do is prevented, or said."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen.swarm.live_page import FIXED, GONE
from tests.endpoint.browser.test_web_client import CHROMIUM, HERE, whole_browser

__all__ = ["whole_browser"]

pytestmark = pytest.mark.browser


def test_locusts_page_says_what_became_of_edit_new_and_stop(whole_browser: None, tmp_path: Path) -> None:
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
        seen = json.loads(done.stdout)
        assert (seen["edited"], seen["renewed"], seen["stopped"]) == (FIXED, FIXED, GONE)
        assert seen["plots"][0] == seen["plots"][1] == 4, "they stay when the run is over"
        error = run.communicate(timeout=60)[1]
    finally:
        run.kill()
    assert run.returncode == 130, error
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["verdict"] == "interrupted"
