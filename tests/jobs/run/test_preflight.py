"""What is refused before a run begins, with the number that is needed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.plan import estimate_volume
from loadgen.jobs.run.preflight import check_ports
from loadgen.results import RunSpec, make_run_options
from loadgen.transport import limits
from tests.paths import QUICKSTART


def make_spec(**options: object) -> RunSpec:
    options = {"senders": 20, "seed": 1, "duration": 120.0, "rate": 4.0} | options
    spec = RunSpec.resolve(make_run_options(**options), str(QUICKSTART), QUICKSTART.read_text())
    return msgspec.structs.replace(spec, url="http://rum.test")


def test_the_ports_of_a_run_whose_every_request_costs_one_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Half of the requests are sent within the minute for which Linux holds a port; at double pace all of them."""
    monkeypatch.setattr(limits, "PORT_RANGE", tmp_path / "range")
    monkeypatch.setattr(limits, "REUSE", tmp_path / "none")
    requests = estimate_volume(make_spec().scenario, 1).requests
    assert requests > 100
    for spec, needed in (
        (make_spec(), 20 + -(-requests // 2)),
        (make_spec(pace="2x"), 20 + requests),
        (make_spec(pace="max"), 20 + requests),
        (make_spec(processes=3), 60 + -(-requests // 2)),
    ):
        (tmp_path / "range").write_text(f"1000 {999 + needed}")
        check_ports(spec)
        (tmp_path / "range").write_text(f"1000 {998 + needed}")
        with pytest.raises(LoadgenError, match=f"need {needed} local ports, and this machine has {needed - 1}"):
            check_ports(spec)
    check_ports(msgspec.structs.replace(make_spec(), master=True))  # the ports are the workers'
