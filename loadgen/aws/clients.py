"""boto3's sessions and clients for one target (credentials, certificates, proxies, time-outs, valid answers), and one
line for each of their exceptions that says what failed and why.

Rule: a target on this machine sees nothing of the user's AWS configuration: no profile, role, file or proxy; only the
environment's keys sign for it. An answer that the RUM API cannot have given is refused. A call waits only once for a
target that does not answer. No message ever contains a credential.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from loadgen.aws.sender import CallUnanswered, ControlSender, NotRumAnswer, check_answer
from loadgen.errors import ControlError, Unreachable
from loadgen.transport import NoAnswer, OnWait, find_route, is_loopback
from loadgen.wire.sigv4 import Credentials

KEY_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION"),
)

MISSING = "ResourceNotFoundException"
MEANINGS = {
    MISSING: "there is none of that name; see `loadgen monitors list`, or create it with `loadgen monitors apply`",
    "UnrecognizedClientException": "the access key id or the session token is not known there",
    "InvalidClientTokenId": "the access key id is not known there",
    "ExpiredTokenException": "the session token has expired",
    "ExpiredToken": "the session token has expired",
}
"""The meaning of AWS's error codes for the caller (each service's API reference, "Common errors")."""

MISSING_METRICS = {
    "destination": "it has no such metrics destination; create it with `loadgen metrics enable {monitor}`",
    "definition": "it has no such metric definition; see `loadgen metrics list {monitor}`",
}
"""The meaning of MISSING where the app monitor is there, by a word of the resource's type or of the message."""

WRONG_SECRET = "The request signature we calculated does not match the signature you provided"
SIGNATURES = {
    WRONG_SECRET: "the secret access key does not match the access key id",
    "Credential should be scoped to a valid region": "the target is of another Region; give --region",
    "Signature expired": "this machine's clock is late; set it",
    "Signature not yet current": "this machine's clock is early; set it",
}
"""The meaning of AWS's messages about a refused signature, by their beginning; they all have the same code."""

NO_CREDENTIALS = (
    "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile; for an endpoint on this "
    "machine, paste the export lines that `loadgen serve` prints"
)

EXPIRED = (
    "the credentials have expired: get new ones (`aws sso login`, or the way you got these), and set "
    "AWS_CREDENTIAL_EXPIRATION with them, or unset it"
)

STANDS_BEFORE = "a log-in page, a proxy or another service stands there; check the target"

DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorizedException"})
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})


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
    resolver.providers = [EnvProvider(mapping={"expiry_time": ""})]  # AWS_CREDENTIAL_EXPIRATION may be of other keys
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


@contextmanager
def explain_errors(doing: str, action: str | None = None, monitor: str = "NAME") -> Iterator[None]:
    """Turn boto3's exceptions into a ControlError, or into Unreachable when a later try may succeed.

    The message begins with `doing`. A missing permission has its name in IAM: `action`, or RUM's action for the
    operation that was called. `monitor` is the app monitor's name in commands that the message proposes.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _explain_refusal(doing, error, action, monitor) from error
    except NotRumAnswer as error:
        raise ControlError(f"{doing}: not RUM's answer: {error}; {STANDS_BEFORE}") from error
    except ResponseParserError as error:
        raise ControlError(f"{doing}: not RUM's answer: it cannot be parsed; {STANDS_BEFORE}") from error
    except NoCredentialsError as error:
        raise ControlError(f"{doing}: {NO_CREDENTIALS}") from error
    except (ConnectionError, HTTPClientError) as error:
        cause = error.kwargs.get("error")
        raise Unreachable(f"{doing}: {error}{f' ({cause})' if isinstance(cause, NoAnswer) else ''}") from error
    except CallUnanswered as error:
        raise Unreachable(f"{doing}: {error}") from error
    except BotoCoreError as error:
        raise ControlError(f"{doing}: {error}") from error
    except ValueError as error:  # from botocore, for a value in the environment or a profile
        raise ControlError(f"{doing}: {error}; see the AWS_ variables and the profile") from error
    except RuntimeError as error:
        if "expired" not in str(error):  # botocore has no class of its own for expired credentials
            raise
        raise ControlError(f"{doing}: {EXPIRED}") from error


def _explain_refusal(doing: str, error: Exception, action: str | None, monitor: str) -> ControlError:
    response, operation = error.response, error.operation_name  # type: ignore[attr-defined]  # botocore has no types
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = next((text for begin, text in SIGNATURES.items() if message.startswith(begin)), MEANINGS.get(code))
    if code == MISSING:
        what = str(response.get("resourceType") or message).lower()  # a message has names too, which may be any word
        meaning = next((text for word, text in MISSING_METRICS.items() if word in what), MEANINGS[MISSING])
        meaning = meaning.format(monitor=monitor)
    if code in DENIED:
        meaning = f"the credentials lack the permission {action or f'rum:{operation}'}"
    is_told = message.startswith(WRONG_SECRET) or (code == MISSING and operation == "GetAppMonitor")  # by `meaning`
    detail = f": {message}" if meaning and message and not is_told else ""
    text = f"{doing}: {meaning or message or 'refused'} ({code}{detail})"
    return Unreachable(text) if status >= 500 or status == 429 or code in THROTTLED else ControlError(text)
