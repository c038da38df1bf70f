"""loadgen run: send a scenario's traffic to a target, and measure it."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import ask_on_terminal, echo, echo_error, echo_json, is_standard_output_taken, show_view
from loadgen.output import refuse_overwriting

INTERRUPTED = 130


@shared.job_command("verb_options.RunOptions", "loadgen run storefront --rate 0.5 --duration 5m --seed 7")
@shared.SCENARIO
@shared.TARGET
@click.option("--monitor", metavar="NAME", help="App monitor, by name or id; the scenario's unless given.")
@shared.REGION
@shared.DURATION_OPTION
@shared.RATE
@click.option("--pace", type=shared.PACE, metavar="realtime|Nx|max")
@shared.SEED
@shared.SAMPLE_RATE
@shared.SENDERS
@click.option("--processes", type=shared.Integer(min=1), help="Processes that share the work, by Locust's own option.")
@click.option("--master", is_flag=True, help="Wait for workers on other machines; see `loadgen worker`.")
@click.option("--expect-workers", type=shared.Integer(min=1), help="Number of workers, with --master.")
@click.option("--bind-host", help="Address for workers, with --master.")
@click.option("--bind-port", type=shared.PORT, help="Port for workers, with --master.")
@shared.ACCEPT
@shared.network_options
@click.option("--max-events", type=shared.WholeCountOption(min=1), help="Stop before more events are sent.")
@shared.LOCAL_QUOTA
@click.option("--faults", metavar="TEXT", help="Faults of the local endpoint, as `loadgen serve --faults`.")
@click.option("--store", type=shared.FILE, help="SQLite file for the events that the local endpoint accepts.")
@shared.DIALECT
@click.option("--out", type=shared.FILE, help="Folder for the results; results/<time>-<name> unless given.")
@click.option("--web", type=shared.PORT, is_flag=False, flag_value=8089, metavar="[PORT]", help="Serve Locust's UI.")
@click.option("--prometheus", type=shared.PORT, metavar="PORT", help="Serve live figures for Prometheus on loopback.")
@click.option("--otel", is_flag=True, help="Export by Locust's OpenTelemetry; needs pip install locust[otel].")
@click.option("--tag", metavar="TEXT", help="A label for the run, in its report and in comparisons.")
@click.option("--threshold", multiple=True, metavar="TEXT", help="Such as 'latency_p99_ms < 500'; repeatable.")
@shared.JUNIT
@shared.SUMMARY_MD
@shared.CONSENT
@shared.JSON
def run(scenario: Path, yes: bool, as_json: bool, junit: Path | None, summary_md: Path | None, **options: Any) -> None:
    """Send a scenario's traffic, measure it, and say what became of every event."""
    from loadgen.jobs.run import LiveView
    from loadgen.report import render_summary

    refuse_overwriting([options.get("store"), junit, summary_md], [scenario])
    with LiveView(on_stderr=is_standard_output_taken()) as view:
        done = loadgen.run(scenario, on_progress=view, confirm=ask_on_terminal(yes), **options)
    unwritten: OSError | None = None
    try:
        if as_json:
            echo_json(done.summary)
        else:
            show_view(render_summary(done.summary))
            echo(f"results   {done.folder}")
    except (BrokenPipeError, SystemExit):  # the reader is gone; the exit code is still the run's
        pass
    except OSError as error:
        unwritten = error
        with suppress(OSError):  # the terminal is gone
            echo_error(f"results   {done.folder}")
    done.write_ci_files(junit, summary_md)
    if unwritten is not None and done.exit_code != INTERRUPTED:
        raise unwritten
    sys.exit(done.exit_code)
