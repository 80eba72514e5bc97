"""Flags that mean the same in every verb. Order: flag, MCP_SIEM_* variable, mcp-siem.toml, default."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

import click

from mcp_siem.cli.settings import Settings, read_settings
from mcp_siem.report.alerts import LEVELS

__all__ = [
    "common",
    "env",
    "fail_level",
    "formats",
    "inventory",
    "jobs",
    "output",
    "period",
    "rules",
    "settings_of",
    "source",
    "target",
    "targets",
]

_MOST_JOBS = 256
_Command = TypeVar("_Command", bound=Callable[..., object])


def _load_settings(ctx: click.Context, _param: click.Parameter, value: str | None) -> Settings:
    settings = read_settings(value)
    # Click knows a value by its parameter's name, which for --format is not a word of Python.
    flags = {"form" if name == "format" else name: value for name, value in settings.flags.items()}
    if "target" in flags:
        flags["targets"] = [flags["target"]]
    ctx.default_map = {**flags, **(ctx.default_map or {})}
    ctx.obj = settings
    return settings


def _set_logging(_ctx: click.Context, _param: click.Parameter, value: int) -> int:
    level = {0: logging.WARNING, 1: logging.INFO}.get(value, logging.DEBUG)
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("mcp_siem").setLevel(logging.DEBUG if value else logging.WARNING)
    return value


def settings_of(ctx: click.Context) -> Settings:
    """The settings file of this run."""
    return ctx.obj if isinstance(ctx.obj, Settings) else Settings()


def common(command: _Command) -> _Command:
    """--config, -v, -q, --no-color."""
    for option in (
        click.option("--no-color", is_flag=True, envvar="MCP_SIEM_NO_COLOR", help="Plain text (so does NO_COLOR)."),
        click.option(
            "-q", "--quiet", is_flag=True, envvar="MCP_SIEM_QUIET", help="No words on standard error but errors."
        ),
        click.option(
            "-v",
            "--verbose",
            count=True,
            expose_value=False,
            callback=_set_logging,
            envvar="MCP_SIEM_VERBOSE",
            help="Say more; twice for all.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            envvar="MCP_SIEM_CONFIG",
            callback=_load_settings,
            is_eager=True,
            expose_value=False,
            help="Settings file (default: mcp-siem.toml if present).",
        ),
    ):
        command = option(command)
    return command


def rules(command: _Command) -> _Command:
    """--rules PATH, repeatable: any Sigma rules in place of the shipped pack."""
    return click.option(
        "--rules",
        multiple=True,
        metavar="PATH",
        type=click.Path(),
        envvar="MCP_SIEM_RULES",
        help="Sigma rules (file or directory) in place of the pack; repeatable.",
    )(command)


def source(command: _Command) -> _Command:
    """--source auto|NAME."""
    return click.option(
        "--source",
        default="auto",
        metavar="NAME",
        envvar="MCP_SIEM_SOURCE",
        show_default=True,
        help="Format of the input: auto, wire, event.",
    )(command)


def target(command: _Command) -> _Command:
    """--target: the kind of SIEM."""
    return click.option("--target", metavar="KIND", envvar="MCP_SIEM_TARGET", help="Kind of SIEM: elastic, splunk.")(
        command
    )


def targets(command: _Command) -> _Command:
    """--target, repeatable: kinds of SIEM."""
    return click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="KIND",
        envvar="MCP_SIEM_TARGET",
        help="Kind of SIEM: elastic, splunk; repeatable where several make sense.",
    )(command)


def env(command: _Command) -> _Command:
    """--env: a configured connection."""
    return click.option("--env", metavar="NAME", envvar="MCP_SIEM_ENV", help="Connection [env.NAME] of mcp-siem.toml.")(
        command
    )


def output(command: _Command) -> _Command:
    """--output FILE instead of standard output."""
    return click.option(
        "--output", metavar="FILE", envvar="MCP_SIEM_OUTPUT", help="Write data to FILE instead of standard output."
    )(command)


def formats(*names: str) -> Callable[[_Command], _Command]:
    """--format with the forms this verb has; the first is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(names),
        default=names[0],
        envvar="MCP_SIEM_FORMAT",
        show_default=True,
        help="Form of the output.",
    )


def fail_level(command: _Command) -> _Command:
    """--fail-level LEVEL: exit 10 when an alert at or above it was raised."""
    return click.option(
        "--fail-level",
        type=click.Choice(LEVELS),
        envvar="MCP_SIEM_FAIL_LEVEL",
        help="Exit 10 if an alert is at or above this level.",
    )(command)


def inventory(command: _Command) -> _Command:
    """--inventory FILE: what earlier runs saw, and what was approved."""
    return click.option(
        "--inventory",
        metavar="FILE",
        envvar="MCP_SIEM_INVENTORY",
        help="Servers and tools seen before and approved; what is new is added. Default: none.",
    )(command)


def jobs(command: _Command) -> _Command:
    """--jobs N: processes that do the work; the result is the same."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, _MOST_JOBS),
        default=1,
        metavar="N",
        envvar="MCP_SIEM_JOBS",
        show_default=True,
        help="Work in N processes; captures are paired in one.",
    )(command)


def period(command: _Command) -> _Command:
    """--since and --until: the stretch of time that is asked about."""
    for flag, says in (
        ("--until", "Alerts before this time alone; as for --since."),
        (
            "--since",
            "Alerts from this time on: RFC 3339, or back from now (90m, 24h, 7d). Earlier events count in windows.",
        ),
    ):
        name = flag.strip("-").upper()
        command = click.option(flag, metavar="TIME", envvar=f"MCP_SIEM_{name}", help=says)(command)
    return command
