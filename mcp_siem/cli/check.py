"""`check`: is the pack right? Lint, and every fixture replayed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import all_targets, backend_named
from mcp_siem.errors import FINDINGS
from mcp_siem.prove.check import CheckReport, Finding, check_paths
from mcp_siem.prove.portability import judged_pack, portability, portability_findings
from mcp_siem.report.findings import FINDING_FORMATS, render_findings

__all__ = ["command"]


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.rules
@options.targets
@options.formats(*FINDING_FORMATS)
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[str],
    rules: Sequence[str],
    targets: Sequence[str],
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Lint the rules, replay their fixtures, compare their golden queries; with --target, find the rules that it refuses. PATH is the same as --rules PATH; default is the shipped pack."""
    chosen = [Path(path) for path in (*paths, *rules)] or None
    variables = options.settings_of(ctx).variables
    kinds = [backend_named(name).target() for name in dict.fromkeys(targets)]
    report = check_paths(chosen, variables=variables, targets=all_targets())
    if kinds:
        pack, proven = judged_pack(chosen, variables)
        report = _with(report, portability_findings(portability(pack, kinds, proven=proven)))
    report = _from_here(report)
    with console(output, quiet=quiet, no_color=no_color) as out:
        out.data(render_findings(report, form, out.style))
    return FINDINGS if report.findings and form != "sarif" else 0


def _with(report: CheckReport, found: Iterable[Finding]) -> CheckReport:
    """The report with more findings; what is good to know is a note."""
    more = list(found)
    serious = [finding for finding in more if finding.severity != "info"]
    notes = [f"{one.path}:{one.line}: {one.code} {one.message}" for one in more if one.severity == "info"]
    findings = sorted([*report.findings, *serious], key=lambda one: (one.path, one.line, one.code))
    return replace(report, findings=tuple(findings), notes=(*report.notes, *notes))


def _from_here(report: CheckReport) -> CheckReport:
    """The same findings, with places below the working directory said from there: annotations of a CI job need that."""
    here = Path.cwd()
    return replace(report, findings=tuple(replace(item, path=_relative(item.path, here)) for item in report.findings))


def _relative(path: str, here: Path) -> str:
    place = Path(path)
    return place.relative_to(here).as_posix() if place.is_relative_to(here) else path
