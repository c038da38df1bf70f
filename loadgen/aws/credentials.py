"""Credentials to sign with, and a signer that renews them: from boto3's chain, or from Cognito as a browser does.

Rule: boto3 is imported when it is first needed: in a Locust process it must be imported after Locust, and its import
takes a third of a second.

A guest of a Cognito identity pool (aws-rum-web, dispatch/EnhancedAuthentication.ts and BasicAuthentication.ts) gets its
credentials by the enhanced flow (GetId, GetCredentialsForIdentity) or, with a guest role, by the basic flow (GetId,
GetOpenIdToken, STS's AssumeRoleWithWebIdentity). The calls are not signed, the Region is the first part of the pool's
id, and the credentials are renewed 30 s before they expire.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from loadgen.aws.clients import (
    NO_CREDENTIALS,
    check_variables,
    explain_errors,
    is_on_this_machine,
    open_botocore_session,
    open_client,
    open_session,
)
from loadgen.errors import ControlError
from loadgen.model import Noun
from loadgen.wire.sigv4 import Credentials, Signer

CHECK_SECONDS = 10.0
"""A signer asks for its credentials again after this time; botocore then renews those that expire in 15 minutes."""

RENEW_SECONDS = 30.0
SESSION_NAME = "cwr"
"""The RoleSessionName of the web client."""

POOL_VARIABLE, ROLE_VARIABLE = "LOADGEN_IDENTITY_POOL", "LOADGEN_GUEST_ROLE"


class Guest(Noun):
    """A guest of a Cognito identity pool; with a role it uses the basic flow, without one the enhanced flow."""

    pool: str  # region:UUID
    role: str | None = None  # ARN

    @classmethod
    def from_environment(cls) -> Guest | None:
        """Return the guest that the environment names, or None; the environment reaches every process of a run."""
        pool = os.environ.get(POOL_VARIABLE)
        return cls(pool, os.environ.get(ROLE_VARIABLE)) if pool else None


def make_signer(
    region: str, guest: Guest | None = None, url: str | None = None, fixed: Credentials | None = None
) -> Callable[[], Signer]:
    """Return a function that returns a signer; its credentials are renewed before they expire.

    The credentials come from a Cognito identity pool if `guest` or the environment's LOADGEN_IDENTITY_POOL names one;
    else they are `fixed`, if given; else, for a `url` on this machine, those of the environment; else those of boto3's
    chain (environment, profile, assumed role, instance, …). Raises ControlError.
    """
    guest = guest or Guest.from_environment()
    if fixed is not None and guest is None:
        unchanging = Signer(fixed, region)
        return lambda: unchanging
    load = load_chain(is_on_this_machine(url)) if guest is None else GuestCredentials(guest)
    used: Credentials | None = None
    signer: Signer | None = None
    checked = 0.0

    def renew() -> Signer:
        nonlocal used, signer, checked
        if signer is None or time.monotonic() - checked > CHECK_SECONDS:
            checked = time.monotonic()
            with explain_errors("renewing the credentials", "sts:AssumeRole"):
                latest = load()
            if signer is None or latest != used:
                used, signer = latest, Signer(latest, region)
        return signer

    return renew


def load_chain(isolated: bool = False) -> Callable[[], Credentials]:
    """Return a function that returns the credentials of boto3's chain, renewed if they are about to expire.

    `isolated`: the chain has only the environment.
    """
    check_variables()
    with explain_errors("the AWS credentials"):
        found = open_botocore_session(isolated).get_credentials()
    if found is None:
        raise ControlError(NO_CREDENTIALS)

    def freeze() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return freeze


class GuestCredentials:
    """Fetches a guest's credentials at the first call, and again before they expire."""

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
        """Return credentials that are valid for at least RENEW_SECONDS more."""
        if self._current is None or self._now() > self._expires - RENEW_SECONDS:
            with explain_errors(f"guest credentials of identity pool {self._guest.pool}", "to act as the pool's guest"):
                self._current, self._expires = self._fetch()
        return self._current

    def _fetch(self) -> tuple[Credentials, float]:
        cognito = self._open_client("cognito-identity")
        if self._identity is None:
            self._identity = cognito.get_id(IdentityPoolId=self._guest.pool)["IdentityId"]
        if self._guest.role is None:
            given = cognito.get_credentials_for_identity(IdentityId=self._identity)["Credentials"]
            return _read_credentials(given, "SecretKey")
        token = cognito.get_open_id_token(IdentityId=self._identity)["Token"]
        answer = self._open_client("sts").assume_role_with_web_identity(
            RoleArn=self._guest.role, RoleSessionName=SESSION_NAME, WebIdentityToken=token
        )
        return _read_credentials(answer["Credentials"], "SecretAccessKey")

    def _open_client(self, service: str) -> Any:
        from botocore import UNSIGNED

        session = open_session(self._region, None, isolated=False)
        return open_client(session, service, self._region, signature_version=UNSIGNED)


def _read_credentials(given: dict[str, Any], secret: str) -> tuple[Credentials, float]:
    """Return the credentials in an answer, and the Unix time at which they expire."""
    expires: datetime = given["Expiration"]
    return Credentials(given["AccessKeyId"], given[secret], given["SessionToken"]), expires.timestamp()
