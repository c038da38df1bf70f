"""boto3's sessions and clients for one target: credentials, certificates, proxies, time-outs, and valid answers.

Rule: a target on this machine sees nothing of the user's AWS configuration: no profile, role, file or proxy; only the
environment's keys sign for it. An answer that the RUM API cannot have given is refused. A call waits only once for a
target that does not answer.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from loadgen.aws.sender import ControlSender, check_answer
from loadgen.errors import ControlError
from loadgen.transport import OnWait, find_route, is_loopback
from loadgen.wire.sigv4 import Credentials

KEY_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION"),
)


def is_on_this_machine(url: str | None) -> bool:
    """Return whether a URL's host is this machine; False for None."""
    return url is not None and is_loopback(urlsplit(url).hostname or "")


def open_botocore_session(isolated: bool) -> Any:
    """Open a botocore session; an isolated one reads no file, and only the variables of Region, key and token."""
    import botocore.session
    from botocore.credentials import EnvProvider

    if not isolated:
        return botocore.session.get_session()
    defaults = botocore.session.Session.SESSION_VARIABLES  # name → member of a file, variable, default, conversion
    bare = {name: (None, None, default, convert) for name, (_, _, default, convert) in defaults.items()}
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session = botocore.session.Session(session_vars=bare | files | {"region": (None, *defaults["region"][1:])})
    resolver = session.get_component("credential_provider")
    resolver.providers = [
        EnvProvider(mapping={"expiry_time": ""})
    ]  # AWS_CREDENTIAL_EXPIRATION may belong to other keys
    return session


def check_variables() -> None:
    """Raise ControlError for a key or Region in the environment that no header can hold, for example a line end."""
    for name in KEY_VARIABLES:
        value = os.environ.get(name, "")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ControlError(
                f"{name}: holds a blank, a line end or another character that no key or Region has; set it again"
            )


def open_session(region: str | None, credentials: Credentials | None, isolated: bool) -> Any:
    """Open a boto3 session with the given credentials; without, with those that boto3 finds."""
    import boto3

    given = {}
    if credentials is None:
        check_variables()
    else:
        given = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
            "aws_session_token": credentials.session_token,
        }
    session = open_botocore_session(isolated or credentials is not None)
    return boto3.Session(botocore_session=session, region_name=region, **given)


def open_client(
    session: Any, service: str, region: str, url: str | None = None, on_wait: OnWait | None = None, **config: Any
) -> Any:
    """Open a client for a service at `url`, or at AWS; `on_wait` gets a line when an answer takes long."""
    from botocore.config import Config

    if url is not None:
        config = {"use_fips_endpoint": False, "use_dualstack_endpoint": False, **config}
    settings = Config(proxies={}, **config)  # a ControlSender sends, and finds the proxy itself
    client = session.client(service, region_name=region, endpoint_url=url, config=settings, verify=True)
    find_route(str(client.meta.endpoint_url))  # refuses a proxy or certificates that cannot be used
    client.meta.events.register("before-send", ControlSender(on_wait))
    return client


def open_rum(session: Any, region: str, url: str | None, on_wait: OnWait | None) -> Any:
    """Open a client for the RUM API at `url`, or at AWS; `on_wait` gets a line when an answer takes long."""
    # Only AWS has a separate host name, dataplane.…, for the data plane.
    retries = {"mode": "standard", "max_attempts": 4}
    client = open_client(session, "rum", region, url, on_wait, inject_host_prefix=url is None, retries=retries)
    client.meta.events.register("before-parse.rum", check_answer)
    return client
