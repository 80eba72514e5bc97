"""Which source feeds which rule, as text and JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.prove.feeds import Feeding, Sample
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, safe

__all__ = ["SOURCES_FORMATS", "SourcesReport", "render_sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesReport:
    """Rules with their sources, and the samples that say so. `asked` is the one rule or source that is asked about."""

    fed: Sequence[Feeding]
    samples: Sequence[Sample]
    asked: str | None = None


def render_sources(report: SourcesReport, form: str, style: Style) -> str:
    """The report in one of SOURCES_FORMATS, ending with a line end."""
    return SOURCES_FORMATS[form](report, style)


def _text(report: SourcesReport, style: Style) -> str:
    if any(sample.source == report.asked for sample in report.samples):
        return _of_source(report, style)
    if report.asked is not None:
        return "\n".join(line for one in report.fed for line in _of_rule(one, style)) + "\n"
    lines = [f"{safe(one.rule.stem):<62} {_sources_said(one, style)}" for one in report.fed]
    count = sum(one.fed for one in report.fed)
    return "\n".join([*lines, f"{count} of {len(report.fed)} rules have a source"]) + "\n"


def _sources_said(one: Feeding, style: Style) -> str:
    if one.together:
        return safe(f"together: {', '.join(one.together)}")
    return safe(", ".join(one.sources)) if one.sources else style.paint("none", "high")


def _of_rule(one: Feeding, style: Style) -> Sequence[str]:
    lines = [style.paint(safe(one.rule.stem), "bold"), f"  fed by {_sources_said(one, style)}"]
    for name, lack in one.missing.items():
        said = "has no event of its logsource" if lack is None else f"lacks {', '.join(lack) or 'some part'}"
        lines.append(f"  not by {safe(name)}: {safe(said)}")
    return lines


def _of_source(report: SourcesReport, style: Style) -> str:
    (sample,) = [sample for sample in report.samples if sample.source == report.asked]
    fed = [one for one in report.fed if sample.source in one.sources]
    helped = [one for one in report.fed if sample.source in one.together]
    lines = [f"{style.paint(safe(sample.source), 'bold')}: {safe(', '.join(sorted(sample.fields)))}"]
    lines += [f"  feeds {safe(one.rule.stem)}" for one in fed]
    lines += [f"  feeds a part of {safe(one.rule.stem)}" for one in helped]
    lines += [
        f"  not {safe(one.rule.stem)}: lacks {safe(', '.join(lack))}"
        for one in report.fed
        if (lack := one.missing.get(sample.source)) and one not in helped
    ]
    return "\n".join(lines) + "\n"


def _json(report: SourcesReport, _style: Style) -> str:
    document = {
        "format": 1,
        "sources": [
            {
                "source": sample.source,
                "datasets": sorted(sample.fields),
                "rules": [one.rule.stem for one in report.fed if sample.source in one.sources],
            }
            for sample in report.samples
        ],
        "rules": [
            {
                "rule": one.rule.stem,
                "sources": list(one.sources),
                "together": list(one.together),
                "missing": {name: None if lack is None else list(lack) for name, lack in one.missing.items()},
            }
            for one in report.fed
        ],
    }
    return document_bytes(document, indent=True).decode() + "\n"


SOURCES_FORMATS: Mapping[str, Callable[[SourcesReport, Style], str]] = {"text": _text, "json": _json}
