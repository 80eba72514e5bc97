"""The query that a native rule brings for a target, held to where all queries of that target look. Pure."""

from collections.abc import Callable, Sequence

from mcp_siem.convert.refuse import Limit
from mcp_siem.convert.target import Query, Refusal, spec_digest
from mcp_siem.rules.native import native_query
from mcp_siem.rules.rule import Rule

__all__ = ["native_answer", "native_limits"]


def native_limits(target: str) -> Sequence[Limit]:
    """What a target may say of a native rule: it has no query for it, or one that looks elsewhere."""
    return (
        Limit(
            code=f"{target.upper()}-NATIVE-NONE",
            reason="the rule has no query for this target",
            hint="write one below native:, or use a target that it has one for",
        ),
        Limit(
            code=f"{target.upper()}-NATIVE-SCOPE",
            reason="the query is not in the language of this target, or does not look where its queries look",
            hint="begin it as the other queries of the target begin",
        ),
    )


def native_answer(rule: Rule, target: str, language: str, scoped: Callable[[str], str | None]) -> Query | Refusal:
    """The text that `scoped` makes of the rule's query, None if it must not run; or why there is none."""
    missing, elsewhere = native_limits(target)
    found = native_query(rule, target)
    if found is None:
        return _refusal(rule, target, missing)
    text = scoped(found.text) if found.language == language else None
    if text is None:
        return _refusal(rule, target, elsewhere)
    return Query(rule_id=rule.id, stem=rule.stem, target=target, language=language, text=text, digest=spec_digest(text))


def _refusal(rule: Rule, target: str, found: Limit) -> Refusal:
    return Refusal(
        rule_id=rule.id, stem=rule.stem, target=target, code=found.code, reason=found.reason, hint=found.hint
    )
