"""Which rule means what on which target: exact, approximate (how, bounded by what), or refused (why, what to change).

A rule that is off is judged too, with the example values of its pack: whoever sets the variable learns at once what the
rule will be there. Without example values it stays unjudged.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mcp_siem.convert.notes import Bound, SaysLimits, bound_of
from mcp_siem.convert.target import Query, Refusal, Target
from mcp_siem.errors import PackError
from mcp_siem.rules.finding import Finding
from mcp_siem.rules.pack import read_pack
from mcp_siem.rules.rule import Rule, RulePack

__all__ = [
    "Portability",
    "PortabilityReport",
    "Reason",
    "Verdict",
    "codes_of",
    "judged_pack",
    "portability",
    "portability_findings",
]

Verdict = Literal["exact", "approximate", "refused", "off"]
Variables = Mapping[str, Sequence[str] | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a verdict is not simply `exact`: a stable code, how, and what bounds it or what to change."""

    code: str
    kind: Literal["approximate", "bounded", "refused", "off"]
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portability:
    """One rule on one target. `off` says why the rule does not run now; the verdict is then that of its example values."""

    rule: Rule
    target: str
    verdict: Verdict
    language: str | None = None
    reasons: tuple[Reason, ...] = ()
    off: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortabilityReport:
    """Every rule that alerts on every target, in the order of the pack."""

    entries: tuple[Portability, ...]
    targets: tuple[Target, ...]

    def counted(self, target: str) -> Mapping[Verdict, int]:
        """How many rules of each verdict a target has."""
        found: Counter[Verdict] = Counter(entry.verdict for entry in self.entries if entry.target == target)
        return {verdict: found[verdict] for verdict in ("exact", "approximate", "refused", "off")}


def judged_pack(paths: Sequence[Path] | None, variables: Variables) -> tuple[RulePack, RulePack]:
    """The rules that can be read, as they are set up, and with the example values of their pack where nothing is set."""
    loaded = read_pack(paths, variables=variables)
    examples = loaded.manifest.example_vars
    proven = read_pack(paths, variables={**examples, **variables}).pack if examples else loaded.pack
    return loaded.pack, proven


def portability(pack: RulePack, targets: Sequence[Target], *, proven: RulePack | None = None) -> PortabilityReport:
    """The verdict on every rule that alerts; `proven` is the same pack with example values, for rules that are off."""
    by_id = {rule.id: rule for rule in proven or pack}
    rules = [rule for rule in pack if rule.alerts and rule.kind != "filter"]
    entries = [_entry(rule, by_id.get(rule.id, rule), target) for rule in rules for target in targets]
    return PortabilityReport(entries=tuple(entries), targets=tuple(targets))


def _entry(rule: Rule, judged: Rule, target: Target) -> Portability:
    if judged.off is not None:
        unset = Reason(code="OFF", kind="off", text=judged.off, hint="set the variable under [vars] of mcp-siem.toml")
        return Portability(rule=rule, target=target.name, verdict="off", reasons=(unset,), off=rule.off)
    answer = _answer(judged, target)
    if isinstance(answer, Refusal):
        reason = Reason(code=answer.code, kind="refused", text=answer.reason, hint=answer.hint)
        return Portability(rule=rule, target=target.name, verdict="refused", reasons=(reason,), off=rule.off)
    reasons = tuple(_reasons(answer))
    approximate = any(reason.kind == "approximate" for reason in reasons)
    return Portability(
        rule=rule,
        target=target.name,
        verdict="approximate" if approximate else "exact",
        language=answer.language,
        reasons=reasons,
        off=rule.off,
    )


def _answer(rule: Rule, target: Target) -> Query | Refusal:
    """What the target says; a rule that no engine takes is refused with the code of its fault."""
    try:
        return target.query(rule)
    except PackError as error:
        first = error.issues[0]
        return Refusal(
            rule_id=rule.id, stem=rule.stem, target=target.name, code=first.code, reason=first.message, hint=first.hint
        )


def _reasons(query: Query) -> Iterator[Reason]:
    for note in dict.fromkeys(query.notes):
        bound = bound_of(note, query.target)
        yield Reason(code=bound.code, kind=bound.kind, text=_how(note, bound), hint=bound.until)


def _how(note: str, bound: Bound) -> str:
    return note.removesuffix(f"; {bound.until}")


def portability_findings(report: PortabilityReport) -> Iterator[Finding]:
    """A refused rule that is on is an error; one that is off, and where a query is approximate, is good to know."""
    for entry in report.entries:
        for reason in (one for one in entry.reasons if one.kind in ("approximate", "refused")):
            serious = reason.kind == "refused" and entry.off is None
            yield Finding(
                code=reason.code,
                severity="error" if serious else "info",
                path=entry.rule.path,
                line=entry.rule.line,
                message=f"{entry.rule.stem} on {entry.target}: {_words(entry, reason)}",
                hint=reason.hint,
            )


def _words(entry: Portability, reason: Reason) -> str:
    return f"{'off, and would be ' if entry.off else ''}{reason.kind}: {reason.text}"


def codes_of(targets: Sequence[Target]) -> Iterator[tuple[str, str, str, str, str]]:
    """Target, code, kind, reason, and hint or bound, of everything that a target may say."""
    for target in targets:
        if isinstance(target, SaysLimits):
            for limit in target.limits():
                yield target.name, limit.code, "refused", limit.reason, limit.hint
            for bound in target.bounds():
                yield target.name, bound.code, bound.kind, bound.reason, bound.until
