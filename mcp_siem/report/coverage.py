"""Coverage of the threat catalogue: a table, Markdown, an HTML page, JSON, Navigator layers, the OWASP MCP Top 10."""

import html
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, cut, safe
from mcp_siem.rules.catalogue import Catalogue, Technique
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["COVERAGE_FORMATS", "Coverage", "render_coverage"]

_PAINT = {"high": "bold", "medium": "low", "low": "medium", "none": "high"}
_COLOURS = {"high": "#2e7d32", "medium": "#9e9d24", "low": "#ef6c00", "none": "#b71c1c"}
_LEVEL_SCORES = {"informational": 10, "low": 25, "medium": 50, "high": 75, "critical": 100}
# OWASP MCP Top 10:2025 (v0.1), https://owasp.org/www-project-mcp-top-10/
_OWASP = {
    "mcp01": "Token Mismanagement and Secret Exposure",
    "mcp02": "Privilege Escalation via Scope Creep",
    "mcp03": "Tool Poisoning",
    "mcp04": "Software Supply Chain Attacks and Dependency Tampering",
    "mcp05": "Command Injection and Execution",
    "mcp06": "Intent Flow Subversion",
    "mcp07": "Insufficient Authentication and Authorization",
    "mcp08": "Lack of Audit and Telemetry",
    "mcp09": "Shadow MCP Servers",
    "mcp10": "Context Injection and Over-Sharing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A pack and the catalogue that it is held against."""

    pack: RulePack
    catalogue: Catalogue

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules that alert, those that are off too: coverage is of the pack, not of a site."""
        return [rule for rule in self.pack if rule.alerts and rule.kind != "filter"]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many techniques are seen with each fidelity."""
        found: Counter[str] = Counter(technique.fidelity for technique in self.catalogue.techniques)
        return {name: found.get(name, 0) for name in _COLOURS}

    def tagged(self, namespace: str) -> Mapping[str, list[Rule]]:
        """Per name in a namespace of tags, the rules that carry it."""
        found: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for tag in rule.tags:
                if tag.startswith(f"{namespace}."):
                    found.setdefault(tag.removeprefix(f"{namespace}."), []).append(rule)
        return dict(sorted(found.items()))


def render_coverage(coverage: Coverage, form: str, style: Style) -> str:
    """The coverage in one of COVERAGE_FORMATS, ending with a line end."""
    return COVERAGE_FORMATS[form](coverage, style)


def _summary(coverage: Coverage) -> str:
    total = len(coverage.catalogue.techniques)
    counted = ", ".join(f"{count} {name}" for name, count in coverage.counts.items())
    return f"{total} techniques decided by {len(coverage.rules)} rules; fidelity: {counted}"


def _text(coverage: Coverage, style: Style) -> str:
    lines = [_summary(coverage)]
    category = ""
    for technique in coverage.catalogue.techniques:
        if technique.category != category:
            category = technique.category
            lines += ["", style.paint(safe(category), "bold")]
        fidelity = style.paint(f"{technique.fidelity:<8}", _PAINT[technique.fidelity])
        lines.append(f"  {fidelity}{safe(technique.name):<40} {_seers(technique)}")
    return "\n".join(lines) + "\n"


def _seers(technique: Technique) -> str:
    if not technique.rules:
        return safe(cut(technique.limits, 100))
    count = len(technique.rules)
    return f"{count} rule{'s' if count > 1 else ''}: {safe(', '.join(technique.rules))}"


def _json(coverage: Coverage, _style: Style) -> str:
    document = {
        "format": 1,
        "repository": coverage.catalogue.repository,
        "commit": coverage.catalogue.commit,
        "rules": len(coverage.rules),
        "fidelity": coverage.counts,
        "ttps": [
            {
                "id": technique.id,
                "name": technique.name,
                "category": technique.category,
                "severity": technique.severity,
                "fidelity": technique.fidelity,
                "rules": technique.rules,
                "logsources": technique.logsources,
                "limits": technique.limits,
            }
            for technique in coverage.catalogue.techniques
        ],
    }
    return document_bytes(document, indent=True).decode() + "\n"


def _markdown(coverage: Coverage, _style: Style) -> str:
    lines = [
        "# Coverage of the MCP threat catalogue",
        "",
        f"{_summary(coverage)}. Names are those of {coverage.catalogue.repository} at {coverage.catalogue.commit[:12]}.",
        "",
        "| technique | severity | fidelity | rules | logsources | what is not seen |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {' | '.join(_cell(one) for one in _columns(technique))} |" for technique in coverage.catalogue.techniques
    ]
    lines += ["", "## OWASP MCP Top 10", "", "| id | rules |", "|---|---|"]
    lines += [f"| {name} | {', '.join(stems)} |" for name, stems in _owasp_rows(coverage)]
    return "\n".join(lines) + "\n"


def _columns(technique: Technique) -> Sequence[str]:
    rules, sources = ", ".join(technique.rules), ", ".join(technique.logsources)
    return (technique.id, technique.severity, technique.fidelity, rules, sources, technique.limits)


def _cell(text: str) -> str:
    """Text that no Markdown reader takes for more than text."""
    return html.escape(text, quote=False).replace("|", "\\|").replace("\n", " ")


def _owasp_rows(coverage: Coverage) -> Iterable[tuple[str, list[str]]]:
    found = coverage.tagged("owasp-mcp")
    return ((f"{key.upper()} {name}", [rule.stem for rule in found.get(key, [])]) for key, name in _OWASP.items())


def _owasp(coverage: Coverage, style: Style) -> str:
    lines = []
    for name, stems in _owasp_rows(coverage):
        count = style.paint(f"{len(stems):>4} rules", "bold" if stems else "high")
        lines += [f"{name:<64}{count}", *(f"      {safe(stem)}" for stem in stems)]
    return "\n".join(lines) + "\n"


def _page(coverage: Coverage, _style: Style) -> str:
    rows = "\n".join(_page_row(technique) for technique in coverage.catalogue.techniques)
    owasp = "\n".join(
        f"<tr><td>{html.escape(name)}</td><td>{len(stems)}</td><td>{html.escape(', '.join(stems))}</td></tr>"
        for name, stems in _owasp_rows(coverage)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MCP threat coverage</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; width: 100%; margin-bottom: 2rem; }}
th, td {{ border-bottom: 1px solid #ddd; padding: .4rem .6rem; text-align: left; vertical-align: top; }}
th {{ position: sticky; top: 0; background: #fff; }}
.fidelity {{ color: #fff; border-radius: .3rem; padding: .05rem .45rem; white-space: nowrap; }}
{"".join(f".{name} {{ background: {colour}; }} " for name, colour in _COLOURS.items())}
code {{ font-size: .85em; }}
</style>
</head>
<body>
<h1>MCP threat coverage</h1>
<p>{html.escape(_summary(coverage))}.</p>
<table>
<thead><tr><th>technique</th><th>severity</th><th>fidelity</th><th>rules</th><th>what is not seen</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<h2>OWASP MCP Top 10</h2>
<table>
<thead><tr><th>id</th><th>rules</th><th></th></tr></thead>
<tbody>
{owasp}
</tbody>
</table>
</body>
</html>
"""


def _page_row(technique: Technique) -> str:
    name, identity = html.escape(technique.name), html.escape(technique.id)
    rules = "<br>".join(f"<code>{html.escape(stem)}</code>" for stem in technique.rules)
    fidelity = f'<span class="fidelity {technique.fidelity}">{technique.fidelity}</span>'
    cells = (
        f"{name}<br><code>{identity}</code>",
        html.escape(technique.severity),
        fidelity,
        rules,
        html.escape(technique.limits),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _attack(coverage: Coverage, _style: Style) -> str:
    """A layer of ATT&CK Navigator, format 4.5; the score of a technique is the highest level among its rules."""
    tagged = {name.upper(): rules for name, rules in coverage.tagged("attack").items() if name[:1] == "t"}
    tagged = {name: rules for name, rules in tagged.items() if name[1:5].isdigit()}
    return _layer("mcp-siem: ATT&CK", "enterprise-attack", {"attack": "19", "navigator": "5.2.0"}, tagged)


def _atlas(coverage: Coverage, _style: Style) -> str:
    """The same for ATLAS Navigator, whose domain is `atlas-atlas`."""
    tagged = {name.upper(): rules for name, rules in coverage.tagged("atlas").items() if name.startswith("aml.t")}
    return _layer("mcp-siem: ATLAS", "atlas-atlas", {"navigator": "4.8.0"}, tagged)


def _layer(name: str, domain: str, versions: Mapping[str, str], tagged: Mapping[str, Sequence[Rule]]) -> str:
    document = {
        "name": name,
        "versions": {"layer": "4.5", **versions},
        "domain": domain,
        "description": "Rules by technique; the score is the highest level of a rule: 100 critical, 75 high, 50 medium.",
        "techniques": [
            {
                "techniqueID": technique,
                "score": max(_LEVEL_SCORES.get(rule.level, 0) for rule in rules),
                "comment": "\n".join(f"{rule.level}: {rule.title} ({rule.stem})" for rule in rules),
                "enabled": True,
                "showSubtechniques": True,
            }
            for technique, rules in tagged.items()
        ],
        "gradient": {"colors": ["#ffffff", "#66b1ff"], "minValue": 0, "maxValue": 100},
        "sorting": 3,
        "hideDisabled": False,
    }
    return document_bytes(document, indent=True).decode() + "\n"


COVERAGE_FORMATS: Mapping[str, Callable[[Coverage, Style], str]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "html": _page,
    "navigator": _attack,
    "atlas": _atlas,
    "owasp": _owasp,
}
