"""TOML that says where it is wrong: the faults of the data files beside the rules carry a line."""

import re
import tomllib

from mcp_siem.errors import ConfigError

__all__ = ["line_of_key", "read_toml"]


def read_toml(text: str, source: str) -> dict[str, object]:
    """The document; raises ConfigError with `source:line` where it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{source}:{line[1] if line else text.count(chr(10)) + 1}"
        raise ConfigError(f"not valid TOML: {error}", source=place, hint="fix the TOML syntax at this line") from error


def line_of_key(text: str, key: str, table: str = "") -> int:
    """The first line that opens or sets `key`, at the top or inside the header of `table`; 1 if there is none."""
    quoted = re.escape(key)
    inside = rf"(?:{re.escape(table)}\.)?" if table else ""
    found = re.search(rf'^[ \t]*\[?[ \t]*{inside}(?:"{quoted}"|{quoted})[ \t]*[=.\]]', text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
