"""boto3's exceptions → one line that says what was refused and why. No credential is ever part of a message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loadgen.errors import ControlError, Unreachable
from loadgen.transport import name_cause

MEANINGS = {
    "ResourceNotFoundException": "there is none of that name; `loadgen monitors list` shows what the region has, "
    "`loadgen monitors apply` makes what a scenario wants, --monitor names another",
    "UnrecognizedClientException": "the access key id or the session token is not known there",
    "InvalidClientTokenId": "the access key id is not known there",
    "InvalidSignatureException": "the secret access key does not match the access key id",
    "SignatureDoesNotMatch": "the secret access key does not match the access key id",
    "ExpiredTokenException": "the session token has expired",
    "ExpiredToken": "the session token has expired",
}
"""What AWS's error codes mean to the caller (each service's API reference, "Common errors")."""

NO_CREDENTIALS = (
    "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile; for an endpoint on this "
    "machine, paste the export lines that `loadgen serve` prints"
)

STANDS_BEFORE = "a log-in page, a proxy or another service stands there; check the target"

DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorizedException"})
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})


class NotRumAnswer(Exception):
    """An answer that the RUM API cannot have given, described on one line."""


@contextmanager
def explain_errors(doing: str, action: str | None = None) -> Iterator[None]:
    """Turn boto3's exceptions into a ControlError, or into Unreachable when a later try may succeed.

    `doing` begins the message. A missing permission is named as IAM names it: `action`, or RUM's action of the
    operation that was called.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _explain_refusal(doing, error, action) from error
    except NotRumAnswer as error:
        raise ControlError(f"{doing}: not RUM's answer: {error}; {STANDS_BEFORE}") from error
    except ResponseParserError as error:
        raise ControlError(f"{doing}: not RUM's answer: it cannot be parsed; {STANDS_BEFORE}") from error
    except NoCredentialsError as error:
        raise ControlError(f"{doing}: {NO_CREDENTIALS}") from error
    except (ConnectionError, HTTPClientError) as error:
        raise Unreachable(f"{doing}: {_explain_connection(error)}") from error
    except BotoCoreError as error:
        raise ControlError(f"{doing}: {error}") from error


def _explain_connection(error: Exception) -> str:
    """What botocore says, with the cause that it leaves out of "Could not connect"."""
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    url = getattr(error, "kwargs", {}).get("endpoint_url")
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return f"no {'answer' if isinstance(error, ReadTimeoutError) else 'connection'} in time from {url} (timeout)"
    inner: BaseException | None = getattr(error, "kwargs", {}).get("error")
    while inner is not None and not isinstance(inner, OSError):
        inner = getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
    return f"{error} ({name_cause(inner)})" if inner is not None else str(error)


def _explain_refusal(doing: str, error: Exception, action: str | None) -> ControlError:
    response, operation = error.response, error.operation_name  # type: ignore[attr-defined]  # botocore has no types
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = MEANINGS.get(code)
    if code in DENIED:
        meaning = f"the credentials lack the permission {action or f'rum:{operation}'}"
    text = f"{doing}: {meaning or message or 'refused'} ({code}{': ' + message if meaning and message else ''})"
    return Unreachable(text) if status >= 500 or code in THROTTLED else ControlError(text)
