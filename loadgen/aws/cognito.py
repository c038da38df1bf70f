"""Credentials as a browser gets them: a guest of a Cognito identity pool, by the enhanced or the basic flow.

Rule (aws-rum-web, dispatch/EnhancedAuthentication.ts and BasicAuthentication.ts): enhanced is GetId and
GetCredentialsForIdentity; basic, with a guest role, is GetId, GetOpenIdToken and STS's AssumeRoleWithWebIdentity. The
calls are not signed, the region is the first part of the pool's id, and renewal comes 30 s before expiry.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from loadgen.errors import ControlError
from loadgen.model import Noun
from loadgen.wire.sigv4 import Credentials

RENEW_SECONDS = 30.0
SESSION_NAME = "cwr"
"""RoleSessionName of the web client."""

POOL_VARIABLE, ROLE_VARIABLE = "LOADGEN_IDENTITY_POOL", "LOADGEN_GUEST_ROLE"


class Guest(Noun):
    """Whose credentials to take; with a role the basic flow, without one the enhanced."""

    pool: str  # region:UUID
    role: str | None = None  # ARN

    @classmethod
    def of_environment(cls) -> Guest | None:
        """The guest that the environment names, if it does: this reaches every process of a run."""
        pool = os.environ.get(POOL_VARIABLE)
        return cls(pool, os.environ.get(ROLE_VARIABLE)) if pool else None


class Renewed:
    """A guest's credentials, fetched when they are first asked for and again before they expire."""

    def __init__(self, guest: Guest, now: Callable[[], float] = time.time) -> None:
        region, colon, _ = guest.pool.partition(":")
        if not colon:
            raise ControlError(f"{guest.pool!r} is no identity pool id; write it as region:UUID")
        self._guest = guest
        self._region = region
        self._now = now
        self._identity: str | None = None
        self._current: Credentials | None = None
        self._expires = 0.0

    def __call__(self) -> Credentials:
        """Credentials that live for at least 30 s more."""
        from loadgen.aws.session import explained

        if self._current is None or self._now() > self._expires - RENEW_SECONDS:
            with explained(f"guest credentials of identity pool {self._guest.pool}", "to act as the pool's guest"):
                self._current, self._expires = self._fetch()
        return self._current

    def _fetch(self) -> tuple[Credentials, float]:
        cognito = self._client("cognito-identity")
        if self._identity is None:
            self._identity = cognito.get_id(IdentityPoolId=self._guest.pool)["IdentityId"]
        if self._guest.role is None:
            given = cognito.get_credentials_for_identity(IdentityId=self._identity)["Credentials"]
            return _credentials(given, "SecretKey")
        token = cognito.get_open_id_token(IdentityId=self._identity)["Token"]
        answer = self._client("sts").assume_role_with_web_identity(
            RoleArn=self._guest.role, RoleSessionName=SESSION_NAME, WebIdentityToken=token
        )
        return _credentials(answer["Credentials"], "SecretAccessKey")

    def _client(self, service: str) -> Any:
        import boto3
        from botocore import UNSIGNED
        from botocore.config import Config

        return boto3.client(service, region_name=self._region, config=Config(signature_version=UNSIGNED))


def _credentials(given: dict[str, Any], secret: str) -> tuple[Credentials, float]:
    expires: datetime = given["Expiration"]
    return Credentials(given["AccessKeyId"], given[secret], given["SessionToken"]), expires.timestamp()
