"""loadgen serve: the local RUM endpoint alone."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from loadgen.cli.values import Quota


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--quota", type=Quota(), default="50", show_default=True, help="PutRumEvents a second, or off.")
@click.option("--burst", type=click.FloatRange(min=1), help="Size of the token bucket; as the quota unless given.")
@click.option("--store", type=click.Path(path_type=Path), help="SQLite file for what is accepted; memory unless given.")
@click.option("--region", default="us-east-1", show_default=True, help="Region that signatures must name.")
@click.option("--access-key-id", envvar="LOADGEN_ACCESS_KEY_ID", help="Made up and printed unless given.")
@click.option(
    "--secret-access-key", envvar="LOADGEN_SECRET_ACCESS_KEY", help="Likewise; better by LOADGEN_SECRET_ACCESS_KEY."
)
@click.option("--session-token", help="Demand this token beside the key.")
@click.option("--unsigned", is_flag=True, help="Take unsigned PutRumEvents too.")
def serve(
    host: str,
    port: int,
    quota: float | None,
    burst: float | None,
    store: Path | None,
    region: str,
    access_key_id: str | None,
    secret_access_key: str | None,
    session_token: str | None,
    unsigned: bool,
) -> None:
    """Serve the local RUM endpoint until Ctrl-C."""
    from loadgen.endpoint import EndpointSettings
    from loadgen.endpoint.server import serve as serve_endpoint
    from loadgen.wire.sigv4 import Credentials

    made_up = secret_access_key is None or access_key_id is None
    key_id = access_key_id or "AKIA" + secrets.token_hex(8).upper()
    secret = secrets.token_urlsafe(30) if made_up else str(secret_access_key)
    settings = EndpointSettings(
        region=region,
        credentials=(Credentials(key_id, secret, session_token),),
        quota=quota,
        burst=burst,
        unsigned=unsigned,
    )

    def ready(url: str) -> None:
        click.echo(f"RUM endpoint on {url}, region {region}, quota {'off' if quota is None else f'{quota:g}/s'}")
        click.echo(f"export AWS_ENDPOINT_URL_RUM={url} AWS_DEFAULT_REGION={region}")
        click.echo(f"export AWS_ACCESS_KEY_ID={key_id} AWS_SECRET_ACCESS_KEY={secret if made_up else '(as given)'}")

    serve_endpoint(settings, store, host, port, ready)
