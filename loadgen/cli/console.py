"""loadgen console: the console of the local endpoint, on a store that was written earlier."""

from pathlib import Path

import click

import loadgen
from loadgen.cli.options import FILE, Integer
from loadgen.cli.terminal import echo
from loadgen.errors import LoadgenError


@click.command(epilog="Example: loadgen console rum.sqlite")
@click.argument("store", type=FILE)
@click.option("--port", type=Integer(0, 65535), default=8000, help="0 takes a free one.")
def console(store: Path, port: int) -> None:
    """Look at the store that `loadgen serve --store` wrote, until Ctrl-C; it is not changed."""
    if not store.is_file() or store.stat().st_size == 0:
        fault = "is empty" if store.is_file() else "there is no such file"
        raise LoadgenError(f"{store}: {fault}; give the one that `loadgen serve --store FILE` wrote")
    endpoint = loadgen.Endpoint(None, store, port=port, read_only=True)
    endpoint.serve_forever(lambda: echo(f"console of {store} on {endpoint.url}/_loadgen/"))
