"""loadgen serve: the local RUM endpoint as a server of its own."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
from click.core import ParameterSource

import loadgen
from loadgen.cli.options import FILE, QUOTA, CountOption, Integer, ParsedOption, job_command
from loadgen.cli.terminal import echo
from loadgen.errors import LoadgenError
from loadgen.units import check_form

REGION = ParsedOption("region", partial(check_form, r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "region", "one such as us-east-1"))
ACCOUNT = ParsedOption("account", partial(check_form, r"[0-9]{12}", "account", "twelve digits"))
SHELL_LINES = (
    "export {AWS_ENDPOINT_URL_RUM} {AWS_CREDENTIAL_EXPIRATION}",
    "export {AWS_DEFAULT_REGION} {AWS_DISABLE_HOST_PREFIX_INJECTION}",
    "export {AWS_ACCESS_KEY_ID} {AWS_SECURITY_TOKEN}",
    "export {AWS_SESSION_TOKEN} \\",
    "  {AWS_SECRET_ACCESS_KEY}",
)
"""The export lines, of at most 80 characters: what clients need, and empty variables that may belong to other keys.

The values that a person must type come last, in one command, so that a paste of all lines works.
"""
CLEARED = dict.fromkeys(("AWS_CREDENTIAL_EXPIRATION", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"), "")

TYPED = """"$(read -rs typed; printf %s "$typed")\""""  # bash and zsh read it from the terminal without an echo
LOG = click.option("--log", is_flag=False, flag_value="-", metavar="[FILE]", help="Log each request; to stderr.")


@job_command("endpoint.EndpointSettings", "loadgen serve --port 8000 --store rum.sqlite --quota off")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=Integer(0, 65535), default=8000, help="Port; 0 takes a free one.")
@click.option("--quota", type=QUOTA, help="PutRumEvents requests a second, or off.")
@click.option("--burst", type=CountOption(min=1), help="Size of the token bucket; the quota unless given.")
@click.option("--operation-quota", "operation_quotas", multiple=True, metavar="NAME=N", help="N calls a second.")
@click.option("--faults", metavar="TEXT", help="Faults to inject, such as errors=0.01,latency=lognormal:80:0.5.")
@click.option("--store", type=FILE, help="SQLite file for accepted events; memory unless given.")
@click.option("--region", type=REGION, help="Region that signatures must name.")
@click.option("--account", type=ACCOUNT, help="Account number in ARNs.")
@click.option("--access-key-id", envvar="LOADGEN_ACCESS_KEY_ID", help="Drawn and printed unless given.")
@click.option(
    "--secret-access-key",
    envvar="LOADGEN_SECRET_ACCESS_KEY",
    help="As --access-key-id. Others can see a command line: better give --secret-file or LOADGEN_SECRET_ACCESS_KEY.",
)
@click.option("--secret-file", type=click.File(errors="replace"), help="Its first line is the secret; - is stdin.")
@click.option("--session-token", envvar="LOADGEN_SESSION_TOKEN", help="Session token that requests must have too.")
@click.option("--unsigned", is_flag=True, help="Accept unsigned PutRumEvents too.")
@click.option("--cors-origin", "cors_origins", multiple=True, help="Origin whose pages may send; repeatable.")
@LOG
def serve(host: str, port: int, store: Path | None, secret_file: TextIO | None, log: str | None, **given: Any) -> None:
    """Serve the local RUM endpoint until Ctrl-C."""
    secret = given["secret_access_key"] = read_secret(secret_file) if secret_file else given["secret_access_key"]
    endpoint = loadgen.Endpoint(None, store, host, port, access_log=log, **given)
    secrets = {"AWS_SESSION_TOKEN": find_source("session_token", None)} if given["session_token"] else {}
    if secret:
        secrets["AWS_SECRET_ACCESS_KEY"] = find_source("secret_access_key", secret_file)

    def show_endpoint() -> None:
        url, quota = endpoint.url, endpoint.settings.quota
        values = CLEARED | {name: shlex.quote(value) for name, value in endpoint.variables.items()} | secrets
        shown = {name: f"{name}={value}" for name, value in values.items()}
        echo(f"RUM endpoint on {url}, region {endpoint.region}, quota {'off' if quota is None else f'{quota:g}/s'}")
        echo(f"console on {url}/_loadgen/")
        for line in SHELL_LINES:
            echo(line.format_map(shown))

    endpoint.serve_forever(show_endpoint)


def find_source(option: str, file: TextIO | None) -> str:
    """Return the shell text that stands for a given secret, so that no terminal or log shows the secret."""
    if file is not None:
        return TYPED if file.name == "<stdin>" else f'"$(head -n 1 {shlex.quote(str(Path(file.name).resolve()))})"'
    source = click.get_current_context().get_parameter_source(option)
    return f'"$LOADGEN_{option.upper()}"' if source is ParameterSource.ENVIRONMENT else TYPED


def read_secret(file: TextIO) -> str:
    """Return the secret access key: the first line of a file."""
    secret = file.readline().strip()
    if not secret:
        raise LoadgenError(f"--secret-file {file.name}: its first line is empty; write the secret key there")
    return secret
