"""`check`: is the pack right? Lint, and every fixture replayed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import all_targets, backend_named
from mcp_siem.errors import FINDINGS
from mcp_siem.prove.check import CheckReport, Finding, Variables, check_paths
from mcp_siem.prove.mutate import mutate as mutate_rules
from mcp_siem.prove.portability import judged_pack, portability, portability_findings
from mcp_siem.prove.survivors import mutant_findings, mutant_notes, read_survivors
from mcp_siem.report.findings import FINDING_FORMATS, render_findings
from mcp_siem.rules.manifest import pack_root
from mcp_siem.rules.pack import default_pack_dir, read_pack

__all__ = ["command"]


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.rules
@options.targets
@click.option(
    "--mutate",
    is_flag=True,
    envvar="MCP_SIEM_MUTATE",
    help="Change each part of each rule in turn, and find the changes that no case notices.",
)
@options.formats(*FINDING_FORMATS)
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[str],
    rules: Sequence[str],
    targets: Sequence[str],
    mutate: bool,
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
    if mutate:
        report = _with(report, *_mutants(chosen, variables))
    report = _from_here(report)
    with console(output, quiet=quiet, no_color=no_color) as out:
        out.data(render_findings(report, form, out.style))
    return FINDINGS if report.findings and form != "sarif" else 0


def _mutants(paths: Sequence[Path] | None, variables: Variables) -> tuple[list[Finding], list[str]]:
    """What the mutants of the rules tell, and how many of each rule are noticed."""
    root = pack_root(paths[0]) if paths else default_pack_dir()
    loaded = read_pack(paths, variables=variables)
    pack = loaded.with_variables({**variables, **loaded.manifest.example_vars})
    mutated = list(mutate_rules(pack))
    whole = not paths or any(path.resolve() in (root.resolve(), (root / "rules").resolve()) for path in paths)
    return list(mutant_findings(mutated, read_survivors(root), whole=whole)), list(mutant_notes(mutated))


def _with(report: CheckReport, found: Iterable[Finding], said: Iterable[str] = ()) -> CheckReport:
    """The report with more findings; what is good to know is a note."""
    more = list(found)
    serious = [finding for finding in more if finding.severity != "info"]
    notes = [f"{one.path}:{one.line}: {one.code} {one.message}" for one in more if one.severity == "info"]
    findings = sorted([*report.findings, *serious], key=lambda one: (one.path, one.line, one.code))
    return replace(report, findings=tuple(findings), notes=(*report.notes, *notes, *said))


def _from_here(report: CheckReport) -> CheckReport:
    """The same findings, with places below the working directory said from there: annotations of a CI job need that."""
    here = Path.cwd()
    return replace(report, findings=tuple(replace(item, path=_relative(item.path, here)) for item in report.findings))


def _relative(path: str, here: Path) -> str:
    place = Path(path)
    return place.relative_to(here).as_posix() if place.is_relative_to(here) else path
