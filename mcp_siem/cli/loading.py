"""What several verbs load: the pack, the deriver of events, backends, connections."""

import os
import secrets
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_siem.cli.console import Console
from mcp_siem.cli.settings import Settings
from mcp_siem.convert.target import Change, Marker, Query, Refusal, Remote, Resource, Step, Target
from mcp_siem.deploy.client import Backend, Connection
from mcp_siem.deploy.connect import read_connection
from mcp_siem.errors import ConfigError, UsageError
from mcp_siem.rules.manifest import pack_root
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_secret_formats
from mcp_siem.rules.rule import Rule, RulePack

if TYPE_CHECKING:
    from mcp_siem.events.derive import Deriver

__all__ = [
    "all_backends",
    "all_targets",
    "backend_named",
    "connection_named",
    "make_deriver",
    "open_pack",
    "render",
    "say_native",
    "say_off",
]


def open_pack(rules: Sequence[str], settings: Settings) -> RulePack:
    """The rules named, or the shipped pack; raises PackError with every located issue."""
    return load_pack([Path(path) for path in rules] or None, variables=settings.variables)


def say_off(pack: RulePack, console: Console) -> None:
    """Says which rules do not run, and why."""
    for rule in pack:
        if rule.off:
            console.note(f"{rule.path}:{rule.line}", f"{rule.stem} is off: {rule.off}")


def say_native(pack: RulePack, console: Console) -> None:
    """Says which rules only a SIEM can run, for verbs that look at events themselves."""
    for rule in pack.native():
        console.note(f"{rule.path}:{rule.line}", f"{rule.stem} is native: only a SIEM runs it, not this engine")


def make_deriver(rules: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> "Deriver":
    """The deriver of events, with the formats of secrets that stand beside the rules named, else the shipped ones.

    Secrets are hashed with MCP_SIEM_HASH_KEY, else with a key of this run alone.
    """
    from mcp_siem.events.derive import Deriver  # noqa: PLC0415 - two thirds of the verbs derive nothing
    from mcp_siem.events.redact import Redactor  # noqa: PLC0415 - as above

    key = environ.get("MCP_SIEM_HASH_KEY", "").encode() or secrets.token_bytes(32)
    root = pack_root(Path(rules[0])) if rules else default_pack_dir()
    return Deriver(Redactor(load_secret_formats(root), key))


def backend_named(name: str | None) -> Backend:
    """The backend registered under this name; raises UsageError listing those there are."""
    found = _registered()
    if name is None or name not in found:
        said = "no target given" if name is None else f"unknown target {name!r}"
        raise UsageError(said, hint=f"use --target with one of: {', '.join(sorted(found))}")
    loaded: Backend = found[name].load()
    return loaded


def all_backends() -> list[Backend]:
    """Every registered backend, by name."""
    return [backend_named(name) for name in sorted(_registered())]


@cache
def _registered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="mcp_siem.backends")}


def all_targets() -> list[Target]:
    """The pure half of every registered backend, by name; each is loaded when it is first asked."""
    return [_LateTarget(name) for name in sorted(_registered())]


class _LateTarget:
    """A target that costs nothing before somebody wants something of it: pySigma's backends take long to load."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _target(self) -> Target:
        return backend_named(self.name).target()

    def query(self, rule: Rule) -> Query | Refusal:
        return self._target.query(rule)

    def resource(self, query: Query, rule: Rule) -> Resource:
        return self._target.resource(query, rule)

    def parse(self, document: Mapping[str, object]) -> Remote:
        return self._target.parse(document)

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        return self._target.steps(change, remote, marker)


def connection_named(env: str | None, target: str | None, settings: Settings) -> Connection:
    """The connection [env.NAME]; the only one of the target if no name is given."""
    if target is not None:
        backend_named(target)
    fitting = [name for name, table in settings.envs.items() if target is None or table.get("target") == target]
    name = env or (fitting[0] if len(fitting) == 1 else None)
    if name is None:
        raise ConfigError(
            "no connection chosen" if fitting else "no connection is configured",
            source=settings.path,
            hint="use --env with one of: " + ", ".join(sorted(fitting))
            if fitting
            else "write [env.NAME] with target and url in mcp-siem.toml",
        )
    if name not in settings.envs:
        raise ConfigError(
            f"no [env.{name}]",
            source=settings.path,
            hint=f"configured are: {', '.join(sorted(settings.envs)) or 'none'}",
        )
    place = settings.place(name, "env") or "mcp-siem.toml"
    connection = read_connection(name, settings.envs[name], os.environ, source=place)
    if target is not None and connection.target != target:
        raise UsageError(f"--env {name} is {connection.target}, --target says {target}", hint="leave --target out")
    return connection


def render(target: Target, rules: Sequence[Rule]) -> tuple[list[tuple[Resource, str]], list[Refusal]]:
    """Every rule as the target's resource with its title, and what the target refuses."""
    resources: list[tuple[Resource, str]] = []
    refusals: list[Refusal] = []
    for rule in rules:
        answer = target.query(rule)
        if isinstance(answer, Query):
            resources.append((target.resource(answer, rule), rule.title))
        else:
            refusals.append(answer)
    return resources, refusals
