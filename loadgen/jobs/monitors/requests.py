"""Calls of the RUM API: made, planned, and the parameters of what a person gives as settings, metrics or a policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from loadgen.aws import PlannedCall, build_definitions, build_policy
from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.options import Share, list_given
from loadgen.scenario import Metric, Monitor, Statement

MOST_DOCUMENT_BYTES = 65_536
"""Largest file that is read as a policy. RUM takes 4 KB, and says so itself when it refuses a larger policy."""


class MadeCall(Noun):
    """A call of the RUM API that was made, and its answer."""

    operation: str
    parameters: dict[str, Any]
    answer: dict[str, Any]


class MonitorChanges(Noun):
    """The calls that bring one app monitor to the state that a scenario wants."""

    monitor: str
    calls: tuple[PlannedCall, ...]


class MonitorOptions(Noun, kw_only=True):
    """Settings of CreateAppMonitor and UpdateAppMonitor; None or an empty tuple means that a setting is not given."""

    domains: tuple[str, ...] = ()
    sample_rate: Share | None = None
    telemetries: tuple[str, ...] = ()
    custom_events: bool | None = None
    cookies: bool | None = None
    xray: bool | None = None
    logs: bool | None = None
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    favorites: tuple[str, ...] = ()
    identity_pool: str | None = None
    guest_role: str | None = None
    source_maps: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the API's call, without settings that are not given."""
        configuration = {
            "SessionSampleRate": self.sample_rate,
            "Telemetries": list(self.telemetries) or None,
            "AllowCookies": self.cookies,
            "EnableXRay": self.xray,
            "IncludedPages": list(self.included) or None,
            "ExcludedPages": list(self.excluded) or None,
            "FavoritePages": list(self.favorites) or None,
            "IdentityPoolId": self.identity_pool,
            "GuestRoleArn": self.guest_role,
        }
        status = "ENABLED" if self.custom_events else "DISABLED"
        maps = {"Status": "ENABLED", "S3Uri": self.source_maps}
        given = {
            "Domain": self.domains[0] if len(self.domains) == 1 else None,
            "DomainList": list(self.domains) if len(self.domains) > 1 else None,
            "AppMonitorConfiguration": _drop_none(configuration) or None,
            "CustomEvents": None if self.custom_events is None else {"Status": status},
            "CwLogEnabled": self.logs,
            "DeobfuscationConfiguration": {"JavaScriptSourceMaps": maps} if self.source_maps else None,
        }
        return _drop_none(given)


class DestinationOptions(Noun, kw_only=True):
    """A destination of an app monitor's metrics: CloudWatch, or an Evidently experiment by its ARN."""

    destination: Literal["CloudWatch", "Evidently"] = "CloudWatch"
    destination_arn: str | None = None

    def locate(self, monitor: str) -> dict[str, Any]:
        """Return the parameters that identify this destination of an app monitor. LoadgenError: the ARN is wrong."""
        self.check_need("destination_arn", self.destination_arn)
        arn = {"DestinationArn": self.destination_arn} if self.destination_arn else {}
        return {"AppMonitorName": check_name(monitor), "Destination": self.destination, **arn}

    def check_need(self, name: str, given: str | None) -> None:
        """Raise LoadgenError unless an option that only Evidently has, and needs, is given for Evidently alone."""
        option = f"{name} (--{name.replace('_', '-')})"
        if self.destination == "Evidently" and not given:
            raise LoadgenError(f"a destination of Evidently needs {option}; give that too")
        if self.destination != "Evidently" and given:
            raise LoadgenError(f"{option} is of Evidently alone; give --destination Evidently too, or leave it out")


class MetricOptions(DestinationOptions, kw_only=True):
    """One metric definition, and its destination."""

    metric: str
    namespace: str | None = None
    value: str | None = None
    unit: str | None = None
    dimensions: tuple[str, ...] = ()  # FIELD=NAME
    pattern: str | None = None  # JSON

    @property
    def definition(self) -> dict[str, Any]:
        """The API's MetricDefinitionRequest; raises LoadgenError if RUM would refuse it."""
        try:
            pattern = msgspec.json.decode(self.pattern, type=dict[str, Any]) if self.pattern else {}
        except msgspec.DecodeError as error:
            example = '{"event_type": ["purchase"]}'
            raise LoadgenError(f"--pattern: not a JSON object ({error}); write one such as {example}") from error
        try:
            wanted = Metric(
                name=self.metric,
                namespace=self.namespace,
                value=self.value,
                unit=self.unit,
                dimensions=parse_dimensions(self.dimensions),
                pattern=pattern,
            )
        except ValueError as error:  # pydantic's, of several lines
            raise LoadgenError(f"the metric does not fit: {' '.join(str(error).split())}") from error
        return build_definitions((wanted,), lambda _: f"metric {self.metric}")[0]


def _drop_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def check_name(name: str) -> str:
    """Return the name if an app monitor may have it; raises LoadgenError otherwise."""
    if not isinstance(name, str):
        raise LoadgenError(f"name: {name!r} is no name of an app monitor; write text")
    return Monitor().rename(name).name


def parse_tags(given: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Return a mapping, or KEY=VALUE words, as a dict; raises LoadgenError for a word of another form."""
    if isinstance(given, Mapping):
        if wrong := [each for pair in given.items() for each in pair if not isinstance(each, str)]:
            raise LoadgenError(f"tags: {wrong[0]!r} is no text; write keys and values as text")
        return dict(given)
    words = list_given(given, "tags")
    if not all(isinstance(word, str) and "=" in word and word[0] != "=" for word in words):
        raise LoadgenError(f"{', '.join(map(str, words))}: write each as KEY=VALUE")
    return dict(word.partition("=")[::2] for word in words)


def parse_dimensions(given: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Return a mapping, or FIELD=NAME words, as a dict; raises LoadgenError for a word of another form."""
    if not isinstance(given, Mapping):
        for word in list_given(given, "dimensions"):
            if not isinstance(word, str) or "=" not in word[1:]:
                example = "metadata.countryCode=Country"
                raise LoadgenError(f"dimensions (--dimension): {word!r} is none; write FIELD=NAME, such as {example}")
    return parse_tags(given)


def read_document(file: Path) -> str:
    """Read a policy document's text, also from the output of `policy show`. RUM itself checks its statements."""
    document: object = None
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_DOCUMENT_BYTES + 1).decode()
        document = msgspec.json.decode(text)
        if isinstance(document, dict) and isinstance(document.get("PolicyDocument"), str):
            text = document["PolicyDocument"]
            document = msgspec.json.decode(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LoadgenError(f"{file}: cannot be read ({reason}); name a file with the policy document") from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or len(text) > MOST_DOCUMENT_BYTES:
        example = '{"Version": "2012-10-17", "Statement": […]}'
        raise LoadgenError(f"{file}: no policy document; write JSON such as {example}")
    return text


def build_public_policy(arn: str) -> str:
    """Return the policy that lets everybody send to the app monitor with this ARN, also without a signature."""
    return build_policy((Statement(),), arn)
