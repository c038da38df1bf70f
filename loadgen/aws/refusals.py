"""boto3's exceptions → a line that says what failed and why. No message ever contains a credential."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loadgen.aws.sender import CallUnanswered, NotRumAnswer
from loadgen.errors import ControlError, Unreachable
from loadgen.transport import NoAnswer

MISSING = "ResourceNotFoundException"
MEANINGS = {
    MISSING: "there is none of that name; see `loadgen monitors list`, or create it with `loadgen monitors apply`",
    "UnrecognizedClientException": "the access key id or the session token is not known there",
    "InvalidClientTokenId": "the access key id is not known there",
    "ExpiredTokenException": "the session token has expired",
    "ExpiredToken": "the session token has expired",
}
"""The meaning of AWS's error codes for the caller (each service's API reference, "Common errors")."""

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


@contextmanager
def explain_errors(doing: str, action: str | None = None) -> Iterator[None]:
    """Turn boto3's exceptions into a ControlError, or into Unreachable when a later try may succeed.

    The message begins with `doing`. A missing permission has its name in IAM: `action`, or RUM's action for the
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


def _explain_refusal(doing: str, error: Exception, action: str | None) -> ControlError:
    response, operation = error.response, error.operation_name  # type: ignore[attr-defined]  # botocore has no types
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = next((text for begin, text in SIGNATURES.items() if message.startswith(begin)), MEANINGS.get(code))
    if code in DENIED:
        meaning = f"the credentials lack the permission {action or f'rum:{operation}'}"
    is_told = message.startswith(WRONG_SECRET) or (code == MISSING and operation == "GetAppMonitor")  # by `meaning`
    detail = f": {message}" if meaning and message and not is_told else ""
    text = f"{doing}: {meaning or message or 'refused'} ({code}{detail})"
    return Unreachable(text) if status >= 500 or status == 429 or code in THROTTLED else ControlError(text)
