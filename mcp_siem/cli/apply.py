"""`apply`: carry out a plan. The only verb that writes to a SIEM."""

import secrets
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import open_pack, say_off
from mcp_siem.cli.plan import Siem, open_siem, plan_now
from mcp_siem.cli.settings import Settings
from mcp_siem.deploy.apply import ApplyReport, apply_plan, report_to_json
from mcp_siem.deploy.journal import FileJournal
from mcp_siem.deploy.plan import Plan, plan_from_json
from mcp_siem.errors import UsageError
from mcp_siem.report.plans import outcome_line, render_plan, report_lines

__all__ = ["command"]

_JOURNAL = ".mcp-siem/journal.jsonl"


@click.command("apply")
@click.argument("plan_file", required=False, metavar="[FILE]")
@options.rules
@options.target
@options.env
@click.option("--yes", is_flag=True, envvar="MCP_SIEM_YES", help="Do not ask.")
@click.option(
    "--prune", is_flag=True, envvar="MCP_SIEM_PRUNE", help="Delete what we deployed and the pack no longer holds."
)
@click.option(
    "--journal",
    metavar="FILE",
    default=_JOURNAL,
    envvar="MCP_SIEM_JOURNAL",
    show_default=True,
    help="Where each document is kept before it is written.",
)
@options.formats("text", "json")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    plan_file: str | None,
    rules: Sequence[str],
    target: str | None,
    env: str | None,
    yes: bool,
    prune: bool,
    journal: str,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Carry out a saved plan (FILE, from `plan --format json`), or make one now, show it, ask, and carry it out."""
    settings = options.settings_of(ctx)
    with console(output, quiet=quiet, no_color=no_color) as out:
        plan, siem = (
            _saved(plan_file, env, settings) if plan_file else _fresh(rules, (target, env), settings, out, prune=prune)
        )
        if plan_file is None and not _agreed(plan, out, yes=yes):
            return 0
        report = apply_plan(
            plan,
            target=siem.target,
            client=siem.client,
            journal=FileJournal(_journal_path(journal), run=secrets.token_hex(8), clock=_now, place=siem.name),
            on_outcome=lambda outcome: out.say(outcome_line(outcome, out.style)),
        )
        _write(out, report, form)
    return report.exit_code


def _saved(plan_file: str, env: str | None, settings: Settings) -> tuple[Plan, Siem]:
    try:
        text = sys.stdin.buffer.read() if plan_file == "-" else Path(plan_file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}",
            source=plan_file,
            hint="make it with: mcp-siem plan --format json --output FILE",
        ) from error
    plan = plan_from_json(text, plan_file)
    return plan, open_siem(plan.target, env, settings)


def _fresh(
    rules: Sequence[str], where: tuple[str | None, str | None], settings: Settings, out: Console, *, prune: bool
) -> tuple[Plan, Siem]:
    pack = open_pack(rules, settings)
    say_off(pack, out)
    siem = open_siem(*where, settings)
    plan, _ = plan_now(pack, siem, prune=prune)
    return plan, siem


def _agreed(plan: Plan, out: Console, *, yes: bool) -> bool:
    if not plan.pending or yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", hint="say --yes, or apply a plan file: mcp-siem apply FILE")
    out.say(render_plan(plan, "text", out.style).rstrip())
    return click.confirm("Carry out these changes?", err=True)


def _journal_path(journal: str) -> Path:
    path = Path(journal)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot be made: {error.strerror}", source=str(path.parent), hint="name another file with --journal"
        ) from error
    return path


def _now() -> str:
    return datetime.fromtimestamp(time.time(), tz=UTC).isoformat().replace("+00:00", "Z")


def _write(out: Console, report: ApplyReport, form: str) -> None:
    if form == "json":
        out.data(report_to_json(report))
        return
    for line in report_lines(report):
        out.line(line)
