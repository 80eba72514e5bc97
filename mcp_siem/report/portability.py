"""The portability report as text, JSON and SARIF 2.1.0, and the page of all codes in the documentation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import quote

from mcp_siem import __version__
from mcp_siem.convert.target import Target
from mcp_siem.prove.portability import Portability, PortabilityReport, Reason, codes_of
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, safe

__all__ = ["PORTABILITY_FORMATS", "portability_page", "render_portability"]

_COLOURS = {"refused": "high", "approximate": "medium"}
_LEVELS = {"refused": "error", "approximate": "warning", "bounded": "note", "off": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_portability(report: PortabilityReport, form: str, style: Style) -> str:
    """The report in one of PORTABILITY_FORMATS, ending with a line end."""
    return PORTABILITY_FORMATS[form](report, style)


def _text(report: PortabilityReport, style: Style) -> str:
    """A line for each rule and target; codes of the backends' tables are explained once, at the end."""
    known = {code: (kind, reason, hint) for _, code, kind, reason, hint in codes_of(report.targets)}
    lines = [line for entry in report.entries for line in _entry_lines(entry, style, known)]
    for code in sorted({one.code for entry in report.entries for one in entry.reasons if _is_told(one, known)}):
        kind, reason, hint = known[code]
        lines += [f"{code} {kind}: {reason}", f"    bound: {hint}"]
    for target in report.targets:
        counts = report.counted(target.name)
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        lines.append(f"{target.name}: {told or 'no rule'}")
    return "\n".join(lines) + "\n"


def _is_told(reason: Reason, known: Mapping[str, tuple[str, str, str]]) -> bool:
    return reason.kind in ("approximate", "bounded") and reason.code in known and known[reason.code][1] == reason.text


def _entry_lines(entry: Portability, style: Style, known: Mapping[str, tuple[str, str, str]]) -> Iterable[str]:
    verdict = style.paint(entry.verdict, _COLOURS.get(entry.verdict, "dim"))
    off = f" (off: {safe(entry.off)})" if entry.off else ""
    codes = " ".join(one.code for one in entry.reasons if _is_told(one, known))
    yield f"{safe(entry.rule.stem)} {entry.target} {verdict}{f' {codes}' if codes else ''}{off}"
    for reason in (one for one in entry.reasons if not _is_told(one, known)):
        yield f"    {reason.code} {reason.kind}: {safe(reason.text)}"
        if reason.hint:
            yield f"        {'next' if reason.kind in ('refused', 'off') else 'bound'}: {safe(reason.hint)}"


def _json(report: PortabilityReport, _style: Style) -> str:
    document = {
        "format": 1,
        "targets": {target.name: report.counted(target.name) for target in report.targets},
        "rules": [_entry_json(entry) for entry in report.entries],
    }
    return document_bytes(document, indent=True).decode() + "\n"


def _entry_json(entry: Portability) -> Mapping[str, object]:
    return {
        "rule_id": entry.rule.id,
        "stem": entry.rule.stem,
        "path": entry.rule.path,
        "line": entry.rule.line,
        "target": entry.target,
        "verdict": entry.verdict,
        "language": entry.language,
        "off": entry.off,
        "reasons": [{"code": one.code, "kind": one.kind, "text": one.text, "hint": one.hint} for one in entry.reasons],
    }


def _sarif(report: PortabilityReport, _style: Style) -> str:
    results = [result for entry in report.entries for result in _results(entry)]
    described = {code: (reason, hint) for _, code, _, reason, hint in codes_of(report.targets)}
    rules = [_described(code, described) for code in sorted({str(result["ruleId"]) for result in results})]
    driver = {"name": "mcp-siem", "version": __version__, "rules": rules}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return document_bytes(document, indent=True).decode() + "\n"


def _described(code: str, known: Mapping[str, tuple[str, str]]) -> Mapping[str, object]:
    if code not in known:
        return {"id": code}
    reason, hint = known[code]
    return {"id": code, "shortDescription": {"text": reason}, "help": {"text": hint}}


def _results(entry: Portability) -> Iterable[Mapping[str, object]]:
    """One result for each reason, and one that passes for a rule that is exact."""
    place = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(entry.rule.path)},
            "region": {"startLine": max(1, entry.rule.line)},
        }
    }
    more = {"target": entry.target, "verdict": entry.verdict, "off": entry.off}
    for reason in entry.reasons:
        yield {
            "ruleId": reason.code,
            "level": "note" if entry.off else _LEVELS[reason.kind],
            "message": {"text": _message(entry, reason)},
            "locations": [place],
            "properties": more,
        }
    if entry.verdict == "exact":
        yield {
            "ruleId": f"{entry.target.upper()}-EXACT",
            "kind": "pass",
            "level": "none",
            "message": {"text": f"{entry.rule.stem} means the same on {entry.target}"},
            "locations": [place],
            "properties": more,
        }


def _message(entry: Portability, reason: Reason) -> str:
    tail = f"\n{'Next' if reason.kind in ('refused', 'off') else 'Bound'}: {reason.hint}" if reason.hint else ""
    return f"{entry.rule.stem} on {entry.target}: {reason.kind}: {reason.text}{tail}"


PORTABILITY_FORMATS: Mapping[str, Callable[[PortabilityReport, Style], str]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
}


_HEAD = """\
# Portability: every refusal and every reservation
<!-- Made from the tables of the backends by `pytest tests/rules --update-golden`; a test compares. -->

`mcp-siem convert --report` says of each rule and target whether the query is exact, approximate or refused, and
`mcp-siem check --target` makes a finding of each refused rule. A code never changes its meaning. **refused**: there is no
query that means the same; the last column says what to change. **approximate**: the query may find other events than
the rule. **bounded**: it is exact until a limit of the SIEM is reached. For both the last column says what bounds it.
"""


def portability_page(targets: Sequence[Target]) -> str:
    """Every code of every target, by target."""
    parts = [_HEAD]
    listed = list(codes_of(targets))
    for target in targets:
        rows = [row[1:] for row in listed if row[0] == target.name]
        if rows:
            parts.append(f"\n## {target.name}\n\n| code | kind | what | then |\n|---|---|---|---|\n")
            parts += [f"| `{code}` | {kind} | {_cell(reason)} | {_cell(hint)} |\n" for code, kind, reason, hint in rows]
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
