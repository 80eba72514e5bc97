"""mcp-siem.toml: defaults of flags, `[vars]` (site knowledge) and `[env.NAME]` (connections)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcp_siem.errors import ConfigError

__all__ = ["DEFAULT_FILE", "FLAGS", "Settings", "read_settings"]

DEFAULT_FILE = "mcp-siem.toml"
FLAGS = frozenset({"env", "fail_level", "format", "no_color", "rules", "source", "target"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the settings file says; empty where there is none."""

    path: str | None = None
    flags: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    envs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def read_settings(path: str | None) -> Settings:
    """Reads the named file, or ./mcp-siem.toml if it exists; raises ConfigError with place and next step."""
    chosen = Path(path or DEFAULT_FILE)
    if path is None and not chosen.is_file():
        return Settings()
    try:
        document = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}", source=str(chosen), hint="name a readable file with --config"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", source=str(chosen), hint="correct the line named") from error
    return _parse(document, str(chosen))


def _parse(document: Mapping[str, object], source: str) -> Settings:
    unknown = sorted(document.keys() - FLAGS - {"vars", "env"})
    flags = {key: value for key, value in document.items() if key in FLAGS and not isinstance(value, dict)}
    if unknown:
        known = ", ".join(sorted(FLAGS))
        raise ConfigError(
            f"unknown setting {unknown[0]!r}", source=source, hint=f"known are [vars], [env.NAME] and {known}"
        )
    variables = _table(document.get("vars", {}), "vars", source)
    envs = document.get("env", {})
    named = envs if isinstance(envs, dict) else {}
    return Settings(
        path=source,
        flags=flags,
        variables={name: _texts(value, name, source) for name, value in variables.items()},
        envs={name: _table(value, f"env.{name}", source) for name, value in named.items()},
    )


def _table(value: object, name: str, source: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"[{name}] must be a table", source=source, hint=f"write [{name}] on a line of its own")
    return value


def _texts(value: object, name: str, source: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
        raise ConfigError(
            f"[vars] {name} must be a text or a list of texts", source=source, hint=f'write {name} = ["one", "two"]'
        )
    return tuple(str(item) for item in items)
