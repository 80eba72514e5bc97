"""A logsource that no dataset belongs to: no event would be tried against the rule."""

from collections.abc import Iterator

from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.lint.subject import Check, Fault, Subject
from mcp_siem.rules.rule import LogSource

__all__ = ["CHECK", "datasets_of"]


def datasets_of(source: LogSource, taxonomy: Taxonomy) -> list[str]:
    """The datasets whose events are tried against rules of a logsource."""
    parts = {"category": source.category, "product": source.product, "service": source.service}
    return [name for name in taxonomy.datasets if taxonomy.matches(name, **parts)]


def _run(subject: Subject) -> Iterator[Fault]:
    source = subject.rule.logsource
    if source is not None and not datasets_of(source, subject.taxonomy):
        message = "no dataset of the taxonomy belongs to this logsource"
        known = sorted(
            {" ".join(f"{key}: {value}" for key, value in one.items()) for one in subject.taxonomy.datasets.values()}
        )
        yield Fault(at=("logsource",), message=message, hint=f"use one of: {'; '.join(known)}")


CHECK = Check(code="MS203", says="the logsource is in the taxonomy", severity="error", run=_run)
