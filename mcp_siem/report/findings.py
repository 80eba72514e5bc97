"""Findings of `check` and `drift` as text, JSON, SARIF 2.1.0, JUnit XML and GitHub workflow commands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import quote
from xml.etree import ElementTree as ET

from mcp_siem import __version__
from mcp_siem.prove.check import CheckReport
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, safe
from mcp_siem.rules.finding import Finding

__all__ = ["FINDING_FORMATS", "render_findings"]

_SARIF_LEVEL = {"error": "error", "warning": "warning", "info": "note"}
_GITHUB_LEVEL = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_findings(report: CheckReport, form: str, style: Style) -> str:
    """The report in one of FINDING_FORMATS, ending with a line end."""
    return FINDING_FORMATS[form](report, style)


def _text(report: CheckReport, style: Style) -> str:
    lines = [line for finding in report.findings for line in _finding_lines(finding, style)]
    lines += [f"{style.paint('note', 'dim')} {safe(note)}" for note in report.notes]
    verdict = f"{len(report.findings)} findings" if report.findings else "nothing to report"
    lines.append(f"{report.rules} rules checked: {verdict}")
    return "\n".join(lines) + "\n"


def _finding_lines(finding: Finding, style: Style) -> Iterable[str]:
    severity = style.paint(finding.severity, {"error": "high", "warning": "medium"}.get(finding.severity, "dim"))
    yield f"{safe(finding.path)}:{finding.line}: {severity} {finding.code} {safe(finding.message)}"
    if finding.hint:
        yield f"    next: {safe(finding.hint)}"


def _json(report: CheckReport, _style: Style) -> str:
    document = {
        "format": 1,
        "rules": report.rules,
        "findings": [_finding_json(f) for f in report.findings],
    }
    return _dump(document)


def _finding_json(finding: Finding) -> Mapping[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "path": finding.path,
        "line": finding.line,
        "message": finding.message,
        "hint": finding.hint,
    }


def _sarif(report: CheckReport, _style: Style) -> str:
    codes = sorted({finding.code for finding in report.findings})
    run = {
        "tool": {"driver": {"name": "mcp-siem", "version": __version__, "rules": [{"id": code} for code in codes]}},
        "results": [_sarif_result(finding) for finding in report.findings],
    }
    return _dump({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _sarif_result(finding: Finding) -> Mapping[str, object]:
    text = finding.message + (f"\nNext: {finding.hint}" if finding.hint else "")
    place = {"artifactLocation": {"uri": quote(finding.path)}, "region": {"startLine": max(1, finding.line)}}
    return {
        "ruleId": finding.code,
        "level": _SARIF_LEVEL[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }


def _junit(report: CheckReport, _style: Style) -> str:
    by_path: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_path.setdefault(finding.path, []).append(finding)
    clean = max(report.rules - len(by_path), 0)
    suite = ET.Element("testsuite", name="mcp-siem check", tests=str(clean + len(by_path)), failures=str(len(by_path)))
    for path, findings in sorted(by_path.items()):
        case = ET.SubElement(suite, "testcase", classname="mcp-siem", name=_xml(path))
        failure = ET.SubElement(case, "failure", message=_xml(f"{len(findings)} findings"))
        failure.text = _xml("\n".join(f"{f.path}:{f.line}: {f.code} {f.message}" for f in findings))
    for number in range(clean):
        ET.SubElement(suite, "testcase", classname="mcp-siem", name=f"rule without findings {number + 1}")
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """XML 1.0 cannot hold control characters at all, so they are spelled."""
    return "\n".join(safe(line) for line in text.split("\n"))


def _github(report: CheckReport, _style: Style) -> str:
    return "".join(_github_line(finding) for finding in report.findings)


def _github_line(finding: Finding) -> str:
    text = finding.message + (f" Next: {finding.hint}" if finding.hint else "")
    place = f"file={_github_value(finding.path)},line={finding.line},title={finding.code}"
    return f"::{_GITHUB_LEVEL[finding.severity]} {place}::{_github_data(text)}\n"


def _github_data(text: str) -> str:
    return safe(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _github_value(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _dump(document: Mapping[str, object] | Sequence[object]) -> str:
    return document_bytes(document, indent=True).decode() + "\n"


FINDING_FORMATS: Mapping[str, Callable[[CheckReport, Style], str]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "github": _github,
}
