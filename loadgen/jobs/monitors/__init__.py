"""`loadgen monitors`, `tags`, `metrics` and `policy`: read and change app monitors of a target.

Rule: a call that removes something is shown first, and made only after a yes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from loadgen.aws import (
    Account,
    MonitorState,
    apply_changes,
    find_losses,
    make_call,
    plan_changes,
    read_policy,
    read_state,
)
from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import read_scenario
from loadgen.jobs.monitors.requests import (
    DestinationOptions,
    MadeCall,
    MetricOptions,
    MonitorChanges,
    MonitorOptions,
    build_public_policy,
    check_name,
    parse_tags,
    read_document,
)
from loadgen.jobs.monitors.view import (
    describe_call,
    describe_deletion,
    describe_metrics,
    describe_monitors,
    describe_plans,
    describe_state,
    describe_tags,
)
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.targets import Confirm, ConsentQuestion, open_account, reach_target, require_yes
from loadgen.options import list_given, require_callback, require_path, resolve_options, show_options
from loadgen.scenario import Scenario
from loadgen.verb_options import TargetOptions

__all__ = [
    "MadeCall",
    "MonitorChanges",
    "MonitorState",
    "Monitors",
    "build_public_policy",
    "describe_call",
    "describe_metrics",
    "describe_monitors",
    "describe_plans",
    "describe_state",
    "describe_tags",
]


class Monitors:
    """The app monitors of a target, with their tags, metrics and resource policies.

        with loadgen.Monitors(endpoint.url) as monitors:
            monitors.create("shop", domains=["shop.example.com"])
            monitors.apply(monitors.plan("shop.toml"), confirm=ask)

    `target` is a URL or `aws`; without one AWS_ENDPOINT_URL_RUM is. `options` are the other fields of `TargetOptions`:
    `region`, `proxy` and `ca_bundle`. `on_progress` gets a line of text when an answer takes long.
    Methods that remove something ask `confirm`; without it the answer is no. All of them raise LoadgenError for what
    a person can mend: there is no such monitor, RUM refuses the call, the target gives no answer.
    """

    @show_options(TargetOptions)
    def __init__(
        self,
        target: str | None = None,
        *,
        on_progress: OnLine = ignore_progress,
        **options: Any,
    ) -> None:
        require_callback(on_progress, "on_progress")
        self._asked = resolve_options(TargetOptions, {"target": target} | options)
        self._on_progress = on_progress
        self._open = ExitStack()
        self._account: Account | None = None

    def __enter__(self) -> Monitors:
        with ExitStack() as opening:
            opening.enter_context(reach_target(self._asked.target, self._asked.proxy, self._asked.ca_bundle))
            self._account = open_account(self._asked.target, self._asked.region, on_wait=self._on_progress)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._account = None
        self._open.close()

    @property
    def account(self) -> Account:
        """The account of the target, in its Region; raises LoadgenError outside of a `with`."""
        if self._account is None:
            raise LoadgenError("the app monitors have not been opened; write `with loadgen.Monitors(...) as monitors:`")
        return self._account

    # App monitors

    def list_all(self) -> list[dict[str, Any]]:
        """Return RUM's AppMonitorSummary of each app monitor."""
        return [*self.account.list_monitors()]

    def read(self, name: str, *, policy: bool = True) -> MonitorState:
        """Read everything about an app monitor; without `policy` all but its resource policy."""
        found = read_state(self.account, check_name(name), policy=policy)
        if found.monitor is None:
            region = self.account.region
            raise LoadgenError(f"there is no app monitor {name!r} in {region}; `loadgen monitors list` shows them")
        return found

    @show_options(MonitorOptions)
    def create(
        self, name: str, *, tags: Mapping[str, str] | Iterable[str] = (), platform: str | None = None, **settings: Any
    ) -> MadeCall:
        """Create an app monitor.

        `settings` are fields of `MonitorOptions`, `tags` a mapping or KEY=VALUE texts, and `platform` is Web (None),
        Android or iOS. A monitor for the web needs a domain.
        """
        wanted, pairs = resolve_options(MonitorOptions, settings, on_command_line=False), parse_tags(tags)
        given = wanted.parameters | ({"Tags": pairs} if pairs else {}) | ({"Platform": platform} if platform else {})
        if platform not in {None, "Web"}:
            why = "send OTLP, which loadgen neither sends nor accepts; it is for the web"
            self._on_progress(f"note: applications for {platform} {why}")
        elif not wanted.domains:
            raise LoadgenError(
                "an app monitor for the web needs a domain; give --domain (domains), as shop.example.com"
            )
        return self._make_call("CreateAppMonitor", Name=check_name(name), **given)

    @show_options(MonitorOptions)
    def update(self, name: str, *, confirm: Confirm | None = None, **settings: Any) -> MadeCall:
        """Change settings of an app monitor, fields of `MonitorOptions`; asks first if that removes something."""
        given = resolve_options(MonitorOptions, settings, on_command_line=False).parameters
        if not given:
            raise LoadgenError("nothing to change; give at least one setting, such as --sample-rate 0.5")
        present = self.read(name, policy=False).monitor or {}
        if losses := tuple(f"app monitor {name} loses {loss}" for loss in find_losses(present, given)):
            require_yes(confirm, ConsentQuestion(losses, "Change it?"), "nothing was changed")
        return self._make_call("UpdateAppMonitor", Name=name, **given)

    def delete(self, name: str, *, confirm: Confirm | None = None) -> MadeCall:
        """Delete an app monitor, after a yes to what is deleted together with it."""
        _ask_to_delete(confirm, describe_deletion(self.read(name)))
        return self._make_call("DeleteAppMonitor", Name=name)

    # The state that a scenario wants

    def plan(self, scenario: Scenario | Path | str, *, monitor: str | None = None) -> tuple[MonitorChanges, ...]:
        """Plan the calls for each app monitor of a scenario; `monitor` renames the monitor of one that has no more."""
        wanted = read_scenario(scenario)
        if monitor and wanted.neighbours:
            given = wanted.name if isinstance(scenario, Scenario) else scenario
            raise LoadgenError(f"--monitor: {given} names several app monitors; write the other name there")
        if monitor:
            wanted = wanted.model_copy(update={"monitor": wanted.monitor.rename(monitor)})
        account = self.account
        return tuple(MonitorChanges(each.monitor.name, tuple(plan_changes(account, each))) for each in wanted.monitors)

    def apply(self, plans: Iterable[MonitorChanges], *, confirm: Confirm | None = None) -> int:
        """Make the calls of all plans, and return their number.

        Asks first if the calls go to AWS, and on any target if they remove something.
        """
        given = list_given(plans, "plans", (str, MonitorChanges))
        if wrong := [each for each in given if not isinstance(each, MonitorChanges)]:
            raise LoadgenError(f"plans: {wrong[0]!r} is no plan; give what `plan` returns")
        named = [(plan.monitor, call) for plan in given for call in plan.calls]
        losses = tuple(f"app monitor {monitor} loses {loss}" for monitor, call in named for loss in call.takes_away)
        is_local = self.account.is_local
        if losses or (named and not is_local):
            text = "Make these calls?" if is_local else f"Make these calls in {self.account.region}?"
            require_yes(confirm, ConsentQuestion(losses, text), "nothing was changed")
        apply_changes(self.account, [call for _, call in named])
        return len(named)

    # Tags

    def read_tags(self, name: str) -> dict[str, str]:
        """Return the tags of an app monitor."""
        tags: dict[str, str] = self._make_call("ListTagsForResource", ResourceArn=self._build_arn(name)).answer["Tags"]
        return tags

    def add_tags(self, name: str, tags: Mapping[str, str] | Iterable[str]) -> MadeCall:
        """Add tags, a mapping or KEY=VALUE texts, or give them new values."""
        return self._make_call("TagResource", ResourceArn=self._build_arn(name), Tags=parse_tags(tags))

    def remove_tags(self, name: str, keys: Iterable[str]) -> MadeCall:
        """Remove tags by key."""
        given = list_given(keys, "keys")
        return self._make_call("UntagResource", ResourceArn=self._build_arn(name), TagKeys=[*given])

    # Metrics

    @show_options(DestinationOptions)
    def enable_metrics(self, name: str, *, role: str | None = None, **destination: Any) -> MadeCall:
        """Create a destination for metrics, fields of `DestinationOptions`; `role` is the IAM role for Evidently."""
        wanted = resolve_options(DestinationOptions, destination, on_command_line=False)
        wanted.check_need("role", role)
        given = {"IamRoleArn": role} if role else {}
        return self._make_call("PutRumMetricsDestination", **wanted.locate(name), **given)

    @show_options(DestinationOptions)
    def disable_metrics(self, name: str, *, confirm: Confirm | None = None, **destination: Any) -> MadeCall:
        """Delete a metrics destination, after a yes to the number of definitions that are deleted with it."""
        where = resolve_options(DestinationOptions, destination, on_command_line=False).locate(name)
        key = where.get("DestinationArn") or where["Destination"]
        definitions = self.read(name, policy=False).definitions.get(key, [])
        _ask_to_delete(confirm, (f"destination {key} of {name}: {len(definitions)} metric definitions go with it",))
        return self._make_call("DeleteRumMetricsDestination", **where)

    @show_options(MetricOptions)
    def add_metric(self, name: str, **options: Any) -> MadeCall:
        """Define an extended or a custom metric; the options are fields of `MetricOptions`, those of its place too."""
        wanted = resolve_options(MetricOptions, options, on_command_line=False)
        given = {"MetricDefinitions": [wanted.definition]}
        return self._make_call("BatchCreateRumMetricDefinitions", **wanted.locate(name), **given)

    @show_options(MetricOptions)
    def change_metric(self, name: str, definition_id: str, **options: Any) -> MadeCall:
        """Replace a metric definition by its id; the options are fields of `MetricOptions`."""
        wanted = resolve_options(MetricOptions, options, on_command_line=False)
        given = {"MetricDefinition": wanted.definition, "MetricDefinitionId": definition_id}
        return self._make_call("UpdateRumMetricDefinition", **wanted.locate(name), **given)

    @show_options(DestinationOptions)
    def remove_metrics(self, name: str, definition_ids: Iterable[str], **destination: Any) -> MadeCall:
        """Delete metric definitions by their ids."""
        given = {"MetricDefinitionIds": [*list_given(definition_ids, "definition_ids")]}
        return self._make_call(
            "BatchDeleteRumMetricDefinitions",
            **resolve_options(DestinationOptions, destination, on_command_line=False).locate(name),
            **given,
        )

    # Resource policy

    def read_policy(self, name: str) -> dict[str, Any]:
        """Return the policy document of an app monitor and its revision, as RUM gives them."""
        found = read_policy(self.account, check_name(name))
        if found is None:
            raise LoadgenError(f"app monitor {name} has no resource policy; `loadgen policy put` gives it one")
        return found

    def put_policy(
        self, name: str, document: Path | str | None = None, *, public: bool = False, revision: str | None = None
    ) -> MadeCall:
        """Set the policy: that of a file (a policy, or what `read_policy` returned, as JSON), or one for everybody.

        `public` lets everybody send, also unsigned. `revision` replaces only that revision.
        """
        if public == (document is not None):
            raise LoadgenError("give either a file with the policy document, or --public")
        if document is None:
            text = build_public_policy(self._build_arn(name))
        else:
            text = read_document(require_path(document, "document"))
        given = {"PolicyRevisionId": revision} if revision else {}
        return self._make_call("PutResourcePolicy", Name=check_name(name), PolicyDocument=text, **given)

    def delete_policy(self, name: str, *, confirm: Confirm | None = None) -> MadeCall:
        """Delete an app monitor's resource policy, after a yes to the document."""
        _ask_to_delete(confirm, (self.read_policy(name)["PolicyDocument"],))
        return self._make_call("DeleteResourcePolicy", Name=name)

    def _build_arn(self, name: str) -> str:
        return self.account.build_arn(check_name(name))

    def _make_call(self, operation: str, **parameters: Any) -> MadeCall:
        return MadeCall(operation, parameters, make_call(self.account, operation, parameters))


def _ask_to_delete(confirm: Confirm | None, facts: Iterable[str]) -> None:
    require_yes(confirm, ConsentQuestion(tuple(facts), "Delete it?"), "nothing was deleted")
