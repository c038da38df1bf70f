"""loadgen serve: the local RUM endpoint alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

import click

from loadgen.cli.terminal import echo
from loadgen.cli.values import OPERATION_QUOTA, QUOTA, CountOption, PatternOption

REGION = PatternOption("region", r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "one such as us-east-1")
ACCOUNT = PatternOption("account", r"[0-9]{12}", "twelve digits")


@click.command(epilog="Example: loadgen serve --port 8000 --store rum.sqlite --quota off")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="0 takes a free one.")
@click.option("--quota", type=QUOTA, default="50", help="PutRumEvents a second, or off.")
@click.option("--burst", type=CountOption(min=1), help="Size of the token bucket; as the quota unless given.")
@click.option(
    "--operation-quota",
    type=OPERATION_QUOTA,
    multiple=True,
    metavar="NAME=N",
    help="Calls a second of an operation.",
)
@click.option("--faults", metavar="TEXT", help="Outages on demand, such as errors=0.01,latency=lognormal:80:0.5.")
@click.option("--store", type=click.Path(path_type=Path), help="SQLite file for what is accepted; memory unless given.")
@click.option("--region", type=REGION, default="us-east-1", help="Region that signatures must name.")
@click.option("--account", type=ACCOUNT, default="123456789012", help="Account number in ARNs.")
@click.option("--access-key-id", envvar="LOADGEN_ACCESS_KEY_ID", help="Made up and printed unless given.")
@click.option(
    "--secret-access-key",
    envvar="LOADGEN_SECRET_ACCESS_KEY",
    help="Likewise. Other users see a command line: better give --secret-file or LOADGEN_SECRET_ACCESS_KEY.",
)
@click.option(
    "--secret-file", type=click.File(errors="replace"), help="File with the secret key in its first line; - is stdin."
)
@click.option("--session-token", envvar="LOADGEN_SESSION_TOKEN", help="Demand this token beside the key.")
@click.option("--unsigned", is_flag=True, help="Take unsigned PutRumEvents too.")
@click.option("--cors-origin", multiple=True, help="Origin that may use it from a browser; any unless given.")
def serve(
    host: str,
    port: int,
    store: Path | None,
    access_key_id: str | None,
    secret_access_key: str | None,
    secret_file: TextIO | None,
    session_token: str | None,
    **settings: Any,
) -> None:
    """Serve the local RUM endpoint until Ctrl-C."""
    from loadgen.endpoint import Endpoint, make_credentials

    secret = read_secret(secret_file) if secret_file else secret_access_key
    key = make_credentials(access_key_id, secret, session_token)
    quotas, origins = dict(settings.pop("operation_quota")), settings.pop("cors_origin") or ("*",)
    settings |= {"credentials": (key,), "operation_quotas": quotas, "cors_origins": origins}
    endpoint = Endpoint(None, store, host, port, **settings)

    def show_endpoint() -> None:
        url, quota = endpoint.url, endpoint.settings.quota
        echo(f"RUM endpoint on {url}, region {endpoint.region}, quota {'off' if quota is None else f'{quota:g}/s'}")
        echo(f"export AWS_ENDPOINT_URL_RUM={url} AWS_DEFAULT_REGION={endpoint.region}")
        echo("export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        shown = "(as given)" if access_key_id and secret else key.secret_access_key
        echo(f"export AWS_ACCESS_KEY_ID={key.access_key_id} AWS_SECRET_ACCESS_KEY={shown}")

    endpoint.serve_forever(show_endpoint)


def read_secret(file: TextIO) -> str:
    """The secret access key: a file's first line."""
    secret = file.readline().strip()
    if not secret:
        raise click.BadParameter("its first line is empty; write the secret key there", param_hint="--secret-file")
    return secret
