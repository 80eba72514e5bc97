"""mcp-siem.toml: defaults of flags, `[vars]` (site knowledge) and `[env.NAME]` (connections)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from click.core import ParameterSource

from mcp_siem.errors import ConfigError
from mcp_siem.events.toml import line_of_key, read_toml

__all__ = ["DEFAULT_FILE", "FLAGS", "Settings", "origin_of", "read_settings"]

DEFAULT_FILE = "mcp-siem.toml"
# `yes` and `prune` are left out: a file that lies in a directory must not agree for the user to a write.
_SWITCHES = frozenset({"every", "exit_code", "no_color", "quiet"})
_WORDS = frozenset({"fail_level", "format", "inventory", "journal", "output", "source", "target"})
FLAGS = _SWITCHES | _WORDS | {"rules", "verbose"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the settings file says; empty where there is none."""

    path: str | None = None
    flags: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    envs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    text: str = field(default="", repr=False, compare=False)

    def place(self, key: str, table: str = "") -> str | None:
        """Where a key stands, as `path:line`; None without a file."""
        return f"{self.path}:{line_of_key(self.text, key, table)}" if self.path else None


def origin_of(parameter: click.Parameter, context: click.Context) -> tuple[object, str]:
    """The value of a flag in force, and where it comes from: flag, a variable, the settings file or default."""
    name = parameter.name or ""
    value = context.params.get(name)
    source = context.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        return value, f"variable {parameter.envvar}"
    if source is ParameterSource.DEFAULT_MAP:
        key = str(parameter.envvar).removeprefix("MCP_SIEM_").lower()
        return value, (context.obj.place(key) if isinstance(context.obj, Settings) else None) or DEFAULT_FILE
    return value, "flag" if source is ParameterSource.COMMANDLINE else "default"


def read_settings(path: str | None) -> Settings:
    """Reads the named file, or ./mcp-siem.toml if it exists; raises ConfigError with place and next step."""
    chosen = Path(path or DEFAULT_FILE)
    if path is None and not chosen.exists():
        return Settings()
    try:
        text = chosen.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror or error}", source=str(chosen), hint="name a readable file with --config"
        ) from error
    except UnicodeDecodeError as error:
        line = chosen.read_bytes().count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8", source=f"{chosen}:{line}", hint="save the file as UTF-8") from error
    return _Reader(text, str(chosen)).settings(read_toml(text, str(chosen)))


class _Reader:
    """One settings file, with its text, so that every fault can name its line."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source

    def fault(self, key: str, message: str, hint: str, table: str = "") -> ConfigError:
        return ConfigError(message, source=f"{self._source}:{line_of_key(self._text, key, table)}", hint=hint)

    def settings(self, document: Mapping[str, object]) -> Settings:
        unknown = sorted(document.keys() - FLAGS - {"vars", "env"})
        if unknown:
            known = ", ".join(sorted(FLAGS))
            hint = f"known are [vars], [env.NAME] and {known}"
            raise self.fault(unknown[0], f"unknown setting {unknown[0]!r}", hint)
        envs = self._table(document.get("env", {}), "env")
        variables = self._table(document.get("vars", {}), "vars")
        return Settings(
            path=self._source,
            text=self._text,
            flags={key: self._flag(key, document[key]) for key in sorted(FLAGS & document.keys())},
            variables={name: self._texts(value, name) for name, value in variables.items()},
            envs={name: self._table(value, name, "env") for name, value in envs.items()},
        )

    def _flag(self, key: str, value: object) -> object:
        if key == "rules":
            listed = value if isinstance(value, list) else [value]
            fits, form, value = all(isinstance(one, str) for one in listed), '["one.yml", "folder"]', listed
        elif key == "verbose":
            fits, form = isinstance(value, int) and not isinstance(value, bool), "1"
        elif key in _SWITCHES:
            fits, form = isinstance(value, bool), "true"
        else:
            fits, form = isinstance(value, str), '"..."'
        if not fits:
            raise self.fault(key, f"{key!r} has a value of the wrong type", f"write {key} = {form}")
        return value

    def _table(self, value: object, name: str, table: str = "") -> Mapping[str, object]:
        if not isinstance(value, dict):
            full = f"{table}.{name}" if table else name
            raise self.fault(name, f"[{full}] must be a table", f"write [{full}] on a line of its own", table)
        return value

    def _texts(self, value: object, name: str) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
            hint = f'write {name} = ["one", "two"]'
            raise self.fault(name, f"[vars] {name} must be a text or a list of texts", hint, "vars")
        return tuple(str(item) for item in items)
