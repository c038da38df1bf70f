"""boto3's exceptions → one line that says what was refused and why. No credential is ever part of a message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loadgen.errors import ControlError, Unreachable

MEANINGS = {
    "ResourceNotFoundException": "there is none of that name; check the name and the region",
    "UnrecognizedClientException": "the access key id or the session token is not known there",
    "InvalidClientTokenId": "the access key id is not known there",
    "InvalidSignatureException": "the secret access key does not match the access key id",
    "SignatureDoesNotMatch": "the secret access key does not match the access key id",
    "ExpiredTokenException": "the session token has expired",
    "ExpiredToken": "the session token has expired",
}
"""What AWS's error codes mean to the caller (each service's API reference, "Common errors")."""

DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorizedException"})
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})


@contextmanager
def explain_errors(doing: str, action: str | None = None) -> Iterator[None]:
    """Turn boto3's exceptions into a ControlError, or into Unreachable when a later try may succeed.

    `doing` begins the message. A missing permission is named as IAM names it: `action`, or RUM's action of the
    operation that was called.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _explain_refusal(doing, error, action) from error
    except ResponseParserError as error:
        raise ControlError(f"{doing}: the answer is none of AWS's") from error
    except (ConnectionError, HTTPClientError) as error:
        raise Unreachable(f"{doing}: {error}") from error
    except BotoCoreError as error:
        raise ControlError(f"{doing}: {error}") from error


def _explain_refusal(doing: str, error: Exception, action: str | None) -> ControlError:
    response, operation = error.response, error.operation_name  # type: ignore[attr-defined]  # botocore has no types
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = MEANINGS.get(code)
    if code in DENIED:
        meaning = f"the credentials lack the permission {action or f'rum:{operation}'}"
    text = f"{doing}: {meaning or message or 'refused'} ({code}{': ' + message if meaning and message else ''})"
    return Unreachable(text) if status >= 500 or code in THROTTLED else ControlError(text)
