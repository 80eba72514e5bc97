"""`template`: the index template that the queries rely on."""

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import backend_named, open_pack
from mcp_siem.errors import UsageError

__all__ = ["command"]


@click.command("template")
@options.target
@options.formats("json")
@options.output
@options.common
def command(target: str | None, form: str, output: str | None, quiet: bool, no_color: bool) -> None:  # noqa: ARG001 - `form` has one value
    """Print the index template of --target as JSON: the mapping on which its queries mean the rules."""
    backend = backend_named(target)
    text = backend.template(open_pack((), options.settings_of(click.get_current_context())).taxonomy)
    if text is None:
        raise UsageError(f"{backend.name} needs no index template", hint="use --target elastic")
    with console(output, quiet=quiet, no_color=no_color) as out:
        out.data(text)
