"""`template`: the index template that the queries rely on."""

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import all_backends, open_pack
from mcp_siem.errors import UsageError

__all__ = ["command"]


@click.command("template")
@options.target
@options.formats("json")
@options.output
@options.common
def command(target: str | None, form: str, output: str | None, quiet: bool, no_color: bool) -> None:  # noqa: ARG001 - `form` has one value
    """Print the index template of --target (elastic, opensearch) as JSON: the mapping on which its queries mean the rules."""
    found = {name: made for backend in all_backends() for name, made in backend.templates().items()}
    if target not in found:
        raise UsageError(
            "no target given" if target is None else f"{target} has no index template",
            hint=f"use --target with one of: {', '.join(sorted(found))}",
        )
    taxonomy = open_pack((), options.settings_of(click.get_current_context())).taxonomy
    with console(output, quiet=quiet, no_color=no_color) as out:
        out.data(found[target](taxonomy))
