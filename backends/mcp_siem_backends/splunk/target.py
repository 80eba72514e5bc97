"""Splunk's pure half: a rule as a search, the search as a saved search, and back."""

from collections.abc import Mapping, Sequence

from sigma.exceptions import SigmaError

from mcp_siem.convert.native import native_answer, native_limits
from mcp_siem.convert.notes import Bound
from mcp_siem.convert.refuse import Limit, RefusedError
from mcp_siem.convert.target import Change, Marker, Query, Refusal, Remote, Resource, Step, spec_digest
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.native import native_window
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk import payload
from mcp_siem_backends.splunk.bounds import BOUNDS
from mcp_siem_backends.splunk.pipeline import field_pipeline
from mcp_siem_backends.splunk.query import McpSplunkBackend
from mcp_siem_backends.splunk.refusals import LIMITS
from mcp_siem_backends.splunk.scope import ENDPOINT_MACRO, INDEX_MACRO

__all__ = ["SplunkTarget"]


class SplunkTarget:
    """Rules as SPL saved searches over events of one taxonomy."""

    name = payload.TARGET

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy

    def query(self, rule: Rule) -> Query | Refusal:
        """The rule in SPL; every call parses and converts afresh, so nothing is carried from rule to rule."""
        if rule.kind == "native":
            return native_answer(rule, self.name, "spl", _scoped)
        collection = parse_rule(rule)
        backend = McpSplunkBackend(field_pipeline(self._taxonomy), taxonomy=self._taxonomy)
        try:
            backend.convert(collection)
            text = str(main_rule(rule, collection).get_conversion_result()[-1])
        except RefusedError as error:
            return self._refusal(rule, error.limit.code, f"{error.limit.reason}: {error.where}", error.limit.hint)
        except (SigmaError, NotImplementedError) as error:
            limit = LIMITS["SPLUNK-PYSIGMA"]
            return self._refusal(rule, limit.code, f"{limit.reason}: {error}", limit.hint)
        return Query(
            rule_id=rule.id,
            stem=rule.stem,
            target=self.name,
            language="spl",
            text=text,
            digest=spec_digest(text),
            notes=tuple(backend.notes),
        )

    def _refusal(self, rule: Rule, code: str, reason: str, hint: str) -> Refusal:
        return Refusal(rule_id=rule.id, stem=rule.stem, target=self.name, code=code, reason=reason, hint=hint)

    def limits(self) -> Sequence[Limit]:
        """Everything that is refused."""
        return (*LIMITS.values(), *native_limits(self.name))

    def bounds(self) -> Sequence[Bound]:
        """Every reservation of a search."""
        return tuple(BOUNDS.values())

    def resource(self, query: Query, rule: Rule) -> Resource:
        """The saved search alert that runs the query."""
        return payload.resource(query, rule, native_window(rule) if rule.kind == "native" else None)

    def parse(self, document: Mapping[str, object]) -> Remote:
        """Reads a saved search, ours or not."""
        return payload.parse(document)

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        """One write: Splunk changes all fields of a saved search at once, and leaves alone those not named."""
        return payload.steps(change, remote, marker)


def _scoped(text: str) -> str | None:
    """A native search that begins with one of the macros that bound every search; None if it does not."""
    return text if text.startswith((f"`{INDEX_MACRO}` ", f"`{ENDPOINT_MACRO}` ")) else None
