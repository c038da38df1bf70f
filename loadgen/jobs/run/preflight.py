"""The checks before a run begins: options that contradict each other, ports, sizes, and the consent for AWS."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from loadgen.aws import make_signer
from loadgen.errors import LoadgenError
from loadgen.jobs.plan import ExpectedVolume, estimate_volume
from loadgen.jobs.progress import OnLine
from loadgen.jobs.run.otel import check_installed
from loadgen.jobs.targets import Confirm, OpenTargets, Sending, confirm_sending
from loadgen.results import CLUSTER_SECRET, RunSpec
from loadgen.traffic import check_size
from loadgen.transport import is_loopback, require_descriptors, require_free_port, require_ports, require_ports_to_spend
from loadgen.verb_options import RunOptions

EVERYWHERE = ("0.0.0.0", "::")


def check_options(options: RunOptions) -> None:
    """Raise LoadgenError for options that do not go together."""
    if options.target not in ("local", "aws") and not options.target.startswith(("http://", "https://")):
        raise LoadgenError(
            f"--target {options.target!r} is no target; write local, aws, or a URL such as http://127.0.0.1:8000"
        )
    if options.master and options.target == "local":
        raise LoadgenError(
            "--master: workers on other machines cannot reach the endpoint of --target local; "
            "start `loadgen serve --host ADDRESS` and give its URL"
        )
    if options.web is not None and options.web == options.prometheus:
        raise LoadgenError(
            f"--web and --prometheus: port {options.web} cannot serve both; give one of them another port"
        )
    for name, port in (("--web", options.web), ("--prometheus", options.prometheus)):
        if port is not None:
            require_free_port(name, "127.0.0.1", port)
    if options.master:
        require_free_port("--bind-port", options.bind_host, options.bind_port)
    if options.otel:
        check_installed()
    if options.master and options.processes:
        raise LoadgenError(
            "--master and --processes: give only one of them; each worker may have --processes of its own"
        )


def check_machine(options: RunOptions) -> None:
    """Raise the limits of this process as far as the run's senders need; LoadgenError if they cannot be raised."""
    if options.master:
        return  # the senders run on other machines
    connections = options.senders * options.workers
    own = (
        connections if options.target == "local" else options.senders
    )  # the local endpoint holds the other ends of the connections
    what = f"{own} senders" if own == connections else f"{own} senders of a process"
    require_descriptors(own, what, own // options.senders)
    require_ports(connections, f"{connections} senders")


def check_ports(spec: RunSpec) -> None:
    """Raise LoadgenError if a target that keeps no connection would use up the local ports of this machine."""
    if spec.master or spec.find_limit:  # the ports are other machines'; a search reports the shortage with its window
        return
    requests = sum(each.requests for each in estimate_volumes(spec))
    seconds = spec.duration / spec.factor  # 0: as fast as possible
    host = urlsplit(spec.url).hostname or ""
    require_ports_to_spend(
        spec.senders * spec.workers, requests / seconds if seconds else requests, seconds, is_loopback(host)
    )


def check_credentials(spec: RunSpec) -> None:
    """Raise LoadgenError if this machine signs and has no credentials; a master's workers have their own."""
    signs = not spec.unsigned and any(each.client.signing for each in spec.scenarios)
    if signs and not spec.master:
        make_signer(spec.region, url=spec.url)()


def check_scenario(spec: RunSpec) -> None:
    """Raise LoadgenError for a scenario that does not fit the options."""
    scenario = spec.scenario
    scenario.check_stages(spec.scenario_file, spec.factor)
    for each in scenario.monitors:
        check_size(each)
    if spec.monitor and scenario.neighbours:
        raise LoadgenError(
            f"--monitor: {spec.scenario_file} has neighbours, and each app monitor is found by its name in the file; "
            "write the other name there, as monitor.name"
        )


def estimate_volumes(spec: RunSpec) -> list[ExpectedVolume]:
    """Estimate what will be sent to each app monitor."""
    return [estimate_volume(scenario, seed) for seed, scenario in enumerate(spec.scenarios, spec.seed)]


def confirm_aws(spec: RunSpec, targets: OpenTargets, confirm: Confirm | None) -> None:
    """Ask for consent before a run is sent to AWS; LoadgenError without it."""
    expected = estimate_volumes(spec)
    events = sum(each.events for each in expected)
    named = ", ".join(f"{target.monitor_name} ({target.monitor_id})" for target in targets.monitors)
    sending = Sending(
        account=targets.account,
        receiver=f"{'app monitor' if len(targets.monitors) == 1 else 'app monitors'} {named}",
        requests=sum(each.requests for each in expected),
        events=min(events, spec.max_events or events),
        exact=all(each.exact for each in expected),
        remark=" (retries cost nothing until they are accepted)",
    )
    confirm_sending(confirm, sending)


def warn_of_strangers(spec: RunSpec, tell: OnLine) -> None:
    """Warn about what others can do at a master's port, unless only this machine reaches it."""
    if is_loopback(spec.bind_host) and spec.bind_host not in EVERYWHERE:
        return
    where = f"--bind-host {spec.bind_host}: whoever reaches port {spec.bind_port}"
    if os.environ.get(CLUSTER_SECRET):
        tell(f"{where} can read the messages of master and workers, but cannot send any without {CLUSTER_SECRET}")
    else:
        tell(
            f"{where} can learn the scenario and the target, join as a worker and send a share of the run with false "
            f"results, or end the run; set {CLUSTER_SECRET} to the same text here and on every worker"
        )


def find_free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
