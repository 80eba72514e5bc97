"""`plan`: what would change on the SIEM. Reads only."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

from mcp_siem import __version__
from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import backend_named, connection_named, open_pack, render, say_off
from mcp_siem.cli.settings import Settings
from mcp_siem.convert.target import Refusal, Target
from mcp_siem.deploy.client import Client
from mcp_siem.deploy.plan import Plan, Withheld, make_plan
from mcp_siem.deploy.read import read_remotes
from mcp_siem.deploy.retry import RetryingClient
from mcp_siem.errors import FINDINGS
from mcp_siem.report.plans import PLAN_FORMATS, render_plan
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["Siem", "command", "open_siem", "plan_now"]


@click.command("plan")
@options.rules
@options.target
@options.env
@click.option(
    "--prune", is_flag=True, envvar="MCP_SIEM_PRUNE", help="Delete what we deployed and the pack no longer holds."
)
@click.option(
    "--exit-code", is_flag=True, envvar="MCP_SIEM_EXIT_CODE", help="Exit 10 when something would change or is blocked."
)
@options.formats(*PLAN_FORMATS)
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    rules: Sequence[str],
    target: str | None,
    env: str | None,
    prune: bool,
    exit_code: bool,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Compare the rules with what stands on the SIEM of --env and show what would change."""
    settings = options.settings_of(ctx)
    pack = open_pack(rules, settings)
    plan, refusals = plan_now(pack, open_siem(target, env, settings), prune=prune)
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        for refusal in refusals:
            out.note(refusal.stem, f"not deployed, refused on {refusal.target}: {refusal.code}: {refusal.reason}")
        out.data(render_plan(plan, form, out.style))
    return FINDINGS if exit_code and (plan.pending or plan.blocked) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Siem:
    """Both halves of a SIEM, and the name of its connection."""

    name: str
    target: Target
    client: Client


def open_siem(target: str | None, env: str | None, settings: Settings) -> Siem:
    """The SIEM that --env (or the only fitting connection) names."""
    connection = connection_named(env, target, settings)
    backend = backend_named(connection.target)
    client = RetryingClient(backend.client(connection), sleep=time.sleep)
    return Siem(name=connection.name, target=backend.target(), client=client)


def plan_now(pack: RulePack, siem: Siem, *, prune: bool = False) -> tuple[Plan, list[Refusal]]:
    """Renders the pack, reads the SIEM and makes the plan; also gives what the target refused."""
    kind = siem.target
    desired, refusals = render(kind, pack.alerting())
    withheld = [_withheld(kind, rule, str(rule.off)) for rule in pack if rule.off]
    named = {rule.id: rule for rule in pack}
    withheld += [_withheld(kind, named[item.rule_id], f"refused: {item.code}") for item in refusals]
    addresses = [resource.address for resource, _ in desired] + [item.address for item in withheld]
    plan = make_plan(
        desired,
        read_remotes(kind, siem.client, addresses),
        target=kind.name,
        pack=f"{pack.name}@{pack.version}",
        pack_digest=pack.digest,
        tool_version=__version__,
        prune=prune,
        withheld=withheld,
    )
    return plan, refusals


def _withheld(kind: Target, rule: Rule, reason: str) -> Withheld:
    return Withheld(address=f"{kind.name}:{rule.id}", title=rule.title, reason=reason)
