"""Carries out a plan: re-read, journal, write step by step, read back and compare; one outcome for each change."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mcp_siem.convert.target import Action, Change, Remote, Step, Target
from mcp_siem.deploy.client import Client
from mcp_siem.deploy.journal import Entry, Journal
from mcp_siem.deploy.plan import Plan, spec_digest
from mcp_siem.deploy.read import key_of
from mcp_siem.deploy.wording import differences
from mcp_siem.errors import BackendError, ConfigError, McpSiemError, StalePlanError, UsageError

__all__ = ["REPORT_FORMAT", "ApplyReport", "Outcome", "Result", "apply_plan", "report_to_json"]

REPORT_FORMAT = 1
_PARTLY_APPLIED = 11


class Result(StrEnum):
    """How one change ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One change and how it ended. `writes` counts those the SIEM took; `detail` says what went wrong."""

    address: str
    title: str
    action: Action
    result: Result
    writes: int = 0
    detail: str = ""
    hint: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReport:
    """One outcome for each change of the plan, in its order."""

    target: str
    outcomes: tuple[Outcome, ...]

    def ended(self, result: Result) -> tuple[Outcome, ...]:
        """The outcomes of one kind."""
        return tuple(outcome for outcome in self.outcomes if outcome.result is result)

    @property
    def exit_code(self) -> int:
        """0 all done, 6 stale, 11 partly applied, or the one reason why nothing at all was written."""
        failed = self.ended(Result.FAILED)
        if not failed:
            return StalePlanError.exit_code if self.ended(Result.STALE) else 0
        codes = {outcome.exit_code for outcome in failed}
        written = any(outcome.writes for outcome in self.outcomes)
        return _PARTLY_APPLIED if written or len(codes) > 1 or self.ended(Result.STALE) else codes.pop()


def apply_plan(
    plan: Plan,
    *,
    target: Target,
    client: Client,
    journal: Journal,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> ApplyReport:
    """Writes the plan's changes in order; one that fails does not stop the others.

    Interrupted anywhere and called again with the same plan or a new one, it ends in the same state.
    """
    if plan.target != target.name:
        raise UsageError(
            f"the plan is for {plan.target}, not for {target.name}",
            hint=f"apply it with --target {plan.target}, or make a plan for {target.name}",
        )
    outcomes = []
    for change in plan.changes:
        outcome = _Attempt(plan, change, target, client, journal).outcome()
        on_outcome(outcome)
        outcomes.append(outcome)
    return ApplyReport(target=plan.target, outcomes=tuple(outcomes))


def report_to_json(report: ApplyReport) -> str:
    """The report as canonical JSON."""
    record = {
        "format": REPORT_FORMAT,
        "target": report.target,
        "exit_code": report.exit_code,
        "outcomes": [
            {
                "address": outcome.address,
                "title": outcome.title,
                "action": outcome.action.value,
                "result": outcome.result.value,
                "writes": outcome.writes,
                "detail": outcome.detail,
                "hint": outcome.hint,
            }
            for outcome in report.outcomes
        ],
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


class _Attempt:
    """One change of one plan, being carried out."""

    def __init__(self, plan: Plan, change: Change, target: Target, client: Client, journal: Journal) -> None:
        self._plan = plan
        self._change = change
        self._target = target
        self._client = client
        self._journal = journal
        self._wanted = None if change.after is None else spec_digest(change.after)
        self._tried = False
        self._writes = 0

    def outcome(self) -> Outcome:
        if self._change.action is Action.NOOP:
            return self._ended(Result.UNCHANGED)
        try:
            return self._ended(self._carried_out())
        except StalePlanError as error:
            return self._ended(Result.STALE, error)
        except McpSiemError as error:
            outcome = self._ended(Result.FAILED, error)
        if self._tried:
            self._note_failure(outcome.detail)
        return outcome

    def _carried_out(self) -> Result:
        remote = self._read()
        if self._settled(remote):
            return Result.UNCHANGED
        lost = self._lost() if remote is None else None
        if lost is None or self._change.action is not Action.CREATE:
            self._refuse_if_moved(remote or lost)
        remote = remote or lost
        document = None if remote is None else remote.document
        for step in self._steps(remote):
            self._record("before", step.says, document, verb=step.verb)
            self._tried = True
            if step.verb == "delete":
                self._client.delete(step.key)
                document = None
            else:
                document = self._client.put(step.key, step.document or {})
            self._writes += 1
        self._verify(self._read())
        self._record("done", "read back and compared", None)
        return Result.DONE

    def _steps(self, remote: Remote | None) -> list[Step]:
        try:
            return self._target.steps(self._change, remote, self._plan.marker(self._change))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # A saved plan is a file that somebody can edit; the target trusts the spec it rendered itself.
            raise ConfigError(
                f"{self._change.address}: the plan holds no document that {self._target.name} takes: {error!r}",
                hint="make the plan again: mcp-siem plan --format json --output FILE",
            ) from error

    def _read(self) -> Remote | None:
        document = self._client.get(key_of(self._change.address))
        return None if document is None else self._target.parse(document)

    def _lost(self) -> Remote | None:
        """The object as it stood before an interrupted run deleted it to write it anew; else the analyst's part is lost."""
        document = None if self._change.action is Action.DELETE else self._journal.interrupted(self._change.address)
        remote = None if document is None else self._target.parse(document)
        return remote if remote is not None and remote.address == self._change.address else None

    def _settled(self, remote: Remote | None) -> bool:
        if remote is None:
            return self._change.action is Action.DELETE
        ours = remote.marker is not None and remote.address == self._change.address
        return ours and self._wanted is not None and self._holds(remote)

    def _holds(self, remote: Remote) -> bool:
        return remote.digest == self._wanted and remote.marker is not None and remote.marker.applied == self._wanted

    def _refuse_if_moved(self, remote: Remote | None) -> None:
        moved = self._what_moved(remote)
        if moved is not None:
            raise StalePlanError(
                f"{self._change.address}: {moved}; nothing was written", hint="make the plan again and read it"
            )

    def _what_moved(self, remote: Remote | None) -> str | None:
        """What happened to the object since the plan was made, or None. Our own interrupted write is not a move."""
        change = self._change
        if remote is None:
            return None if change.action is Action.CREATE else "the object was deleted after the plan was made"
        if remote.address != change.address:
            return f"another object answers to this id ({remote.address})"
        if remote.marker is None and change.action is not Action.ADOPT:
            return "an object without our marker stands there"
        interrupted = remote.marker is not None and remote.digest == self._wanted
        if interrupted or remote.digest == change.seen:
            return None
        fields = ", ".join(item.field for item in differences(remote.spec, change.before or "{}"))
        verb = "created there" if change.seen is None else "changed"
        return f"the object was {verb} after the plan was made ({fields or 'see it on the SIEM'})"

    def _verify(self, remote: Remote | None) -> None:
        if self._change.action is Action.DELETE:
            if remote is not None:
                raise BackendError(f"{self._change.address}: deleted, but it is still there when read back")
            return
        if remote is None:
            raise BackendError(f"{self._change.address}: written, but not there when read back")
        if self._holds(remote):
            return
        says = "; ".join(item.says for item in differences(remote.spec, self._change.after or "{}"))
        raise BackendError(
            f"{self._change.address}: written, but it reads back differently: {says or 'our marker is not as written'}",
            hint="the SIEM normalised or refused a field; compare the object there with the plan",
        )

    def _record(self, event: str, says: str, document: Mapping[str, object] | None, *, verb: str = "") -> None:
        self._journal.record(
            Entry(
                event=event,
                target=self._plan.target,
                address=self._change.address,
                action=self._change.action.value,
                says=says,
                verb=verb,
                document=document,
            )
        )

    def _note_failure(self, detail: str) -> None:
        try:
            self._record("failed", detail, None)
        except McpSiemError:
            return  # the outcome already tells the failure; the journal holds what stood before the write

    def _ended(self, result: Result, error: McpSiemError | None = None) -> Outcome:
        return Outcome(
            address=self._change.address,
            title=self._change.title,
            action=self._change.action,
            result=result,
            writes=self._writes,
            detail="" if error is None else str(error),
            hint=None if error is None else error.hint,
            exit_code=0 if error is None else error.exit_code,
        )
