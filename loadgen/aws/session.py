"""boto3's doors: a client for a service, credentials that stay fresh, and refusals in one line.

Rule: boto3 is imported when it is first needed (it must come after Locust in a Locust process, and costs a third of a
second), and no credential is ever part of a message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loadgen.aws.cognito import Guest, Renewed
from loadgen.errors import ControlError, Unreachable
from loadgen.wire.sigv4 import Credentials, Signer

CREDENTIALS_CHECK_SECONDS = 10.0  # botocore renews expiring credentials 15 minutes ahead when it is asked


def signer(region: str, guest: Guest | None = None) -> Callable[[], Signer]:
    """A signer with credentials that are renewed before they expire.

    They are those of boto3's chain (environment, profile, assumed role, instance, …); or a browser's, from a Cognito
    identity pool, when `guest` or the environment's LOADGEN_IDENTITY_POOL names one.
    """
    guest = guest or Guest.of_environment()
    current = chain() if guest is None else Renewed(guest)
    used: Credentials | None = None
    made: Signer | None = None
    checked = 0.0

    def fresh() -> Signer:
        nonlocal used, made, checked
        if made is None or time.monotonic() - checked > CREDENTIALS_CHECK_SECONDS:
            checked = time.monotonic()
            with explained("renewing the credentials", "sts:AssumeRole"):
                latest = current()
            if made is None or latest != used:
                used, made = latest, Signer(latest, region)
        return made

    return fresh


def chain() -> Callable[[], Credentials]:
    """The credentials of boto3's chain; each call renews them if they are about to expire."""
    import botocore.session

    with explained("the AWS credentials"):
        found = botocore.session.get_session().get_credentials()
    if found is None:
        raise ControlError("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile")

    def latest() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return latest


MEANINGS = {
    "ResourceNotFoundException": "there is none of that name; check the name and the region",
    "UnrecognizedClientException": "the access key id or the session token is not known there",
    "InvalidClientTokenId": "the access key id is not known there",
    "InvalidSignatureException": "the secret access key does not match the access key id",
    "SignatureDoesNotMatch": "the secret access key does not match the access key id",
    "ExpiredTokenException": "the session token has expired",
    "ExpiredToken": "the session token has expired",
}
DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorizedException"})
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})


@contextmanager
def explained(doing: str, action: str | None = None) -> Iterator[None]:
    """Turn boto3's exceptions into one line that says what was refused and why.

    A missing permission is named as IAM names it: `action`, or RUM's action of the operation that was called.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _refused(doing, error, action) from error
    except ResponseParserError as error:
        raise ControlError(f"{doing}: the answer is none of AWS's") from error
    except (ConnectionError, HTTPClientError) as error:
        raise Unreachable(f"{doing}: {error}") from error
    except BotoCoreError as error:
        raise ControlError(f"{doing}: {error}") from error


def _refused(doing: str, error: Exception, action: str | None) -> ControlError:
    response, operation = error.response, error.operation_name  # type: ignore[attr-defined]  # botocore has no types
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = MEANINGS.get(code)
    if code in DENIED:
        meaning = f"the credentials lack the permission {action or f'rum:{operation}'}"
    text = f"{doing}: {meaning or message or 'refused'} ({code}{': ' + message if meaning and message else ''})"
    return Unreachable(text) if status >= 500 or code in THROTTLED else ControlError(text)
