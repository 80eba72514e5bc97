"""Lines of web servers and proxies that are no JSON, as W3C names and values: common and combined, Squid's native, W3C extended."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.events.time import parse_time
from mcp_siem.sources.fields import address

__all__ = ["Told", "clf_time", "read_clf", "read_row", "read_squid", "request_parts", "row_names", "url_parts"]

_MOST_TOKENS = 64
_MOST_COLUMNS = 200
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_STAMP = re.compile(r"(\d\d)/([A-Za-z]{3})/(\d{4}):(\d\d:\d\d:\d\d)(?:\.\d+)?(?: ([+-]\d{4}))?", re.ASCII)
# A user name may hold anything but a bare quote: only the bracket before the request is the time.
_HEAD = re.compile(r'\[(\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?)\] (?=")', re.ASCII)
_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|(\S+)')
_ESCAPED = re.compile(r"((?:\\x[0-9A-Fa-f]{2})+)|\\(.)")
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "v": "\v", "f": "\f"}
_SQUID = re.compile(
    r"\s*(?P<time>\d{9,11}\.\d{3})\s+-?\d+\s+(?P<client>\S+)\s+[A-Z_]+/(?P<status>\d{1,3})\s+(?P<bytes>\d+)\s+"
    r"(?P<verb>[A-Za-z_-]+)\s+(?P<url>\S+)\s+\S+\s+\S+/\S+",
    re.ASCII,
)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.ASCII)
_RENAMED = {
    "cs(user-agent)": "cs-user-agent",
    "cs(referer)": "cs-referer",
    "cs(host)": "cs-host",
    "cs(x-forwarded-host)": "",
    "r-host": "r-dns",
    "cs-uri-path": "cs-uri-stem",
    "c-useragent": "cs-user-agent",
}
_OF_PROXIES = frozenset({"r-dns", "r-ip", "c-uri", "cs-uri-scheme", "cs-categories", "s-hierarchy", "s-supplier-name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a line says by W3C names, when that was, and whether a proxy said it."""

    values: Mapping[str, object]
    time: int | None
    proxy: bool = False


def read_clf(line: str) -> Told | None:
    """A line in the common or combined format, with or without the virtual host before it; None if it is none."""
    head = _HEAD.search(line)
    if head is None:
        return None
    before = line[: head.start()].split(maxsplit=3)
    tokens = [match for _, match in zip(range(_MOST_TOKENS), _TOKEN.finditer(line, head.end()), strict=False)]
    if not before or not tokens or tokens[0][1] is None:
        return None
    values: dict[str, object] = {"c-ip": before[0]}
    if len(before) > 1 and address(before[0]) is None and address(before[1]) is not None:
        host, _, port = before[0].partition(":")
        values |= {"c-ip": before[1], "cs-host": host, "s-port": port}
    bare = [_unescaped(match[1]) if match[1] is not None else match[2] for match in tokens]
    values |= request_parts(bare[0])
    values |= dict(zip(("sc-status", "sc-bytes", "cs-referer", "cs-user-agent"), bare[1:5], strict=False))
    return Told(values=values, time=clf_time(head[1]))


def read_squid(line: str) -> Told | None:
    """A line in Squid's native format; None if it is none."""
    found = _SQUID.match(line)
    if found is None:
        return None
    url = found["url"]
    values: dict[str, object] = {
        "c-ip": found["client"],
        "sc-status": found["status"],
        "sc-bytes": found["bytes"],
        "cs-method": found["verb"],
        "cs-uri": url,
        **url_parts(url),
    }
    return Told(values=values, time=parse_time(found["time"]), proxy=True)


def row_names(directive: str) -> tuple[str, ...] | None:
    """The names of the columns that a `#Fields:` directive announces; None for another or one that is too long."""
    name, _, rest = directive.partition(":")
    columns = rest.split()
    if name.strip().lower() != "#fields" or not 0 < len(columns) <= _MOST_COLUMNS:
        return None
    return tuple(_RENAMED.get(column.lower(), column.lower()) for column in columns)


def read_row(line: str, names: Sequence[str]) -> Told | None:
    """A row of a W3C extended log; None if it has not as many values as there are names."""
    if "\t" in line:
        found = [value.strip('"') for value in line.split("\t")]
    else:
        found = [match[1] if match[1] is not None else match[2] for match in _TOKEN.finditer(line)]
    if len(found) != len(names):
        return None
    values: dict[str, object] = {name: value for name, value in zip(names, found, strict=True) if name}
    values["cs-uri-query"] = str(values.get("cs-uri-query", "")).removeprefix("?")
    agent = str(values.get("cs-user-agent", ""))
    # IIS writes each blank as a plus.
    values["cs-user-agent"] = agent if " " in agent else agent.replace("+", " ")
    time = parse_time(f"{values.get('date', '')}T{values.get('time', '')}Z")
    return Told(values=values, time=time, proxy=bool(_OF_PROXIES & set(names)))


def request_parts(request: str) -> dict[str, object]:
    """Verb, path, query and host of a request line; one that is none is kept whole as the path."""
    words = request.split(" ")
    if len(words) < 2 or not words[0].isalpha():  # noqa: PLR2004 (verb and target)
        return {"cs-uri-stem": request}
    target = " ".join(words[1:-1] if len(words) > 2 and words[-1].startswith("HTTP/") else words[1:])  # noqa: PLR2004
    return {"cs-method": words[0], **url_parts(target)}


def url_parts(url: str) -> dict[str, object]:
    """Host, path and query of a URL, of the path alone, or of the `host:port` that CONNECT takes."""
    whole = _URL.match(url)
    if whole is not None:
        host = whole[2].rpartition("@")[2]
        return {"cs-host": host, "cs-uri-stem": whole[3] or "/", "cs-uri-query": whole[4] or ""}
    if not url.startswith(("/", "*", "?")) and address(url) is None and ":" in url and "/" not in url:
        return {"cs-host": url}
    path, _, query = url.partition("?")
    return {"cs-uri-stem": path, "cs-uri-query": query}


def clf_time(stamp: str) -> int | None:
    """The time of `10/Oct/2000:13:55:36 -0700`; without a zone it is taken as UTC."""
    found = _STAMP.fullmatch(stamp)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(found[2].lower()) + 1
    zone = f"{found[5][:3]}:{found[5][3:]}" if found[5] else "Z"
    return parse_time(f"{found[3]}-{month:02d}-{found[1]}T{found[4]}{zone}")


def _unescaped(text: str) -> str:
    """The text without the escapes that servers write for quotes, backslashes and what cannot be printed."""
    return _ESCAPED.sub(_bare, text) if "\\" in text else text


def _bare(match: re.Match[str]) -> str:
    if match[1] is not None:
        return bytes.fromhex(match[1].replace("\\x", "")).decode("utf-8", "replace")
    return _PLAIN.get(match[2], match[2])
