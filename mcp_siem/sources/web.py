"""Access logs of web servers and proxies (`--source web`) by Sigma's names: text formats and JSON, told apart line by line."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.fields import NOTHING, Take, address, has, number, take, values_at, word, words
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import JsonReader, Linewise, Made, Parsed, objects
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.shape import mapping
from mcp_siem.sources.weblines import (
    Told,
    clf_time,
    read_clf,
    read_row,
    read_squid,
    request_parts,
    row_names,
    url_parts,
)

__all__ = ["WEB"]

_DATASETS = ("web.server", "web.proxy")
_ROW = re.compile(rb"\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d[ \t]")
_DIRECTIVES = (b"#Fields:", b"#Software:")
_SHARED = (
    Take(to="c-ip", paths=("c-ip",), read=address),
    Take(to="cs-method", paths=("cs-method",), read=word),
    Take(to="cs-host", paths=("cs-host",), read=word),
    Take(to="cs-uri-query", paths=("cs-uri-query",), read=word),
    Take(to="cs-referer", paths=("cs-referer",), read=word),
    Take(to="cs-user-agent", paths=("cs-user-agent",), read=word),
    Take(to="cs-bytes", paths=("cs-bytes",), read=number),
    Take(to="sc-bytes", paths=("sc-bytes",), read=number),
    Take(to="sc-status", paths=("sc-status",), read=number),
)
_SERVER = (
    *_SHARED,
    Take(to="cs-uri-stem", paths=("cs-uri-stem",), read=word),
    Take(to="s-port", paths=("s-port",), read=number),
)
_PROXY = (
    *_SHARED,
    Take(to="c-uri", paths=("c-uri", "cs-uri"), read=word),
    Take(to="cs-uri", paths=("cs-uri", "c-uri"), read=word),
    Take(to="c-uri-stem", paths=("c-uri-stem", "cs-uri-stem"), read=word),
    Take(to="c-uri-query", paths=("c-uri-query", "cs-uri-query"), read=word),
    Take(to="c-useragent", paths=("c-useragent", "cs-user-agent"), read=word),
    Take(to="r-dns", paths=("r-dns",), read=word),
)
# Names of nginx (as its manual's examples of log_format escape=json spell them), Caddy, Traefik, ECS: to those of W3C.
_JSON = (
    Take(
        to="c-ip",
        paths=(
            *("c-ip", "remote_addr", "remote_ip", "client_ip", "request.client_ip", "request.remote_ip", "ClientHost"),
            *("source.ip", "source.address", "client.ip"),
        ),
        read=word,
    ),
    Take(to="request", paths=("request",), read=lambda value: value if isinstance(value, str) else None),
    Take(
        to="target", paths=("request_uri", "request.uri", "RequestPath", "url.original", "uri", "url.path"), read=word
    ),
    Take(to="cs-method", paths=("cs-method", "request_method", "method", "request.method", "RequestMethod", "http.request.method"), read=word),
    Take(to="cs-uri-stem", paths=("cs-uri-stem",), read=word),
    Take(to="cs-uri-query", paths=("cs-uri-query", "args", "query_string", "url.query"), read=word),
    Take(to="cs-uri", paths=("cs-uri",), read=word),
    Take(to="c-uri", paths=("c-uri",), read=word),
    Take(to="c-uri-stem", paths=("c-uri-stem",), read=word),
    Take(to="c-uri-query", paths=("c-uri-query",), read=word),
    Take(to="cs-host", paths=("cs-host", "http_host", "host", "request.host", "RequestHost", "url.domain"), read=word),
    Take(to="cs-referer", paths=("cs-referer", "http_referer", "http_referrer", "referer", "request.headers.Referer", "request_Referer", "http.request.referrer"), read=word),
    Take(
        to="cs-user-agent",
        paths=(
            *("cs-user-agent", "c-useragent", "http_user_agent", "user_agent.original", "user_agent", "agent"),
            *("request.headers.User-Agent", "request_User-Agent"),
        ),
        read=word,
    ),
    Take(to="sc-status", paths=("sc-status", "status", "DownstreamStatus", "OriginStatus", "http.response.status_code"), read=word),
    Take(
        to="sc-bytes",
        paths=(
            *("sc-bytes", "bytes_sent", "body_bytes_sent", "size", "DownstreamContentSize", "http.response.body.bytes"),
            "http.response.bytes",
        ),
        read=word,
    ),
    Take(to="cs-bytes", paths=("cs-bytes", "request_length", "bytes_read", "http.request.bytes"), read=word),
    Take(to="s-port", paths=("s-port", "server_port", "url.port", "destination.port"), read=word),
    Take(to="r-dns", paths=("r-dns",), read=word),
)  # fmt: skip
_TIMES = ("time_iso8601", "@timestamp", "ts", "StartUTC", "time", "timestamp", "msec", "time_local")
_MODULES = frozenset({"nginx", "apache", "iis", "traefik", "haproxy", "caddy", "squid"})


class WebReader:
    """Lines of one access log; remembers the columns that a W3C extended log announced last."""

    def __init__(self) -> None:
        self._json = JsonReader(_parse)
        self._names: tuple[str, ...] = ()

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields what a line says."""
        data = record.data.lstrip(b"\xef\xbb\xbf")
        if data.startswith((b"{", b"[")):
            yield from self._json.read(Record(data=data, ref=record.ref))
            return
        line = data.decode("utf-8", "replace").rstrip("\r\n")
        if line.startswith("#"):
            self._names = row_names(line) or self._names
        elif line.strip():
            told, code, reason = self._told(line)
            if told is None:
                yield ParseIssue(ref=record.ref, code=code, reason=reason)
            else:
                yield Made(parsed=_event(told), ref=record.ref)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields what the JSON lines left to tell."""
        yield from self._json.finish()

    def dump(self) -> dict[str, object]:
        """The columns, and the counts of the JSON lines."""
        return {"names": list(self._names), "json": self._json.dump()}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._names = tuple(str(name) for name in document["names"])
        self._json.load(document["json"])

    def _told(self, line: str) -> tuple[Told | None, str, str]:
        told = (read_row(line, self._names) if self._names else None) or read_clf(line) or read_squid(line)
        if self._names:
            return told, "columns", f"the row has not the {len(self._names)} values that #Fields announces"
        if _ROW.match(line.encode()):
            return told, "no_columns", "a row of a W3C extended log before its #Fields"
        return told, "not_access_log", "no line of an access log"


def _event(told: Told) -> Parsed:
    values = dict(told.values)
    target = str(values.get("c-uri") or values.get("cs-uri") or "")
    if target:
        values = {**url_parts(target), **{name: value for name, value in values.items() if value not in NOTHING}}
    if told.proxy and not target:
        values["c-uri"] = _url_of(values)
    if told.proxy and values.get("r-dns", "") in NOTHING:
        values["r-dns"] = str(values.get("cs-host", "")).partition(":")[0]
    fields, wrong = take(values, _PROXY if told.proxy else _SERVER)
    return Parsed(fields={"event.dataset": _DATASETS[told.proxy], **fields}, time=told.time, wrong=wrong)


def _url_of(values: Mapping[str, object]) -> str:
    host, scheme = str(values.get("cs-host", "")), str(values.get("cs-uri-scheme", ""))
    path, query = str(values.get("cs-uri-stem", "")), str(values.get("cs-uri-query", ""))
    if host in NOTHING:
        return ""
    asked = "" if query in NOTHING else query if query.startswith("?") else f"?{query}"
    return f"{'http' if scheme in NOTHING else scheme}://{host}{'' if path in NOTHING else path}{asked}"


def _parse(data: Mapping[str, object]) -> Parsed | None:
    if not _is_access(data):
        return None
    values, _ = take(data, _JSON)
    said = {name: value for name, value in values.items() if name not in ("request", "target")}
    proxy = bool({"r-dns", "c-uri"} & set(said)) or "squid" in words(data, "event.module")
    if proxy and "c-uri" not in said and "target" in values:
        said["c-uri"] = values["target"]
    parts = request_parts(str(values["request"])) if "request" in values else {}
    if "target" in values:
        parts |= url_parts(str(values["target"]))
    told = {name: value for name, value in parts.items() if value not in NOTHING}
    return _event(Told(values={**told, **said}, time=_time(data), proxy=proxy))


def _is_access(data: Mapping[str, object]) -> bool:
    """Says whether an object is a line of an access log, in one of the spellings there are."""
    if any(name.startswith(("web.", "mcp.")) for name in words(data, "event.dataset")) or "kibana" in data:
        return False
    if "sc-status" in data or "cs-uri-stem" in data or "cs-method" in data or "c-uri" in data:
        return True
    if "status" in data and any(key in data for key in ("remote_addr", "remote_ip")):
        return any(isinstance(data.get(key), str) for key in ("request", "request_uri", "uri"))
    request = mapping(data.get("request"))
    if "status" in data and "uri" in request and "method" in request:
        return True
    if "RequestPath" in data:
        return "DownstreamStatus" in data or "OriginStatus" in data
    known = bool(_MODULES & set(words(data, "event.module"))) or "web" in words(data, "event.category")
    return known and has(data, "http.response.status_code") and has(data, "http.request.method")


def _time(data: Mapping[str, object]) -> int | None:
    values = [value for path in _TIMES for value in values_at(data, path)]
    read = (clf_time(value) if isinstance(value, str) and "/" in value else parse_time(value) for value in values)
    return next((one for one in read if one is not None), None)


def _score(line: bytes) -> float | None:
    if line.startswith((b"{", b"[")):
        found = objects(read_json(line)[0])
        return sum(map(_is_access, found)) / len(found) if found else None
    if line.lstrip(b"\xef\xbb\xbf").startswith(_DIRECTIVES):
        return 1.0
    if line.startswith(b"#") or not line.strip() or _ROW.match(line):
        return None
    text = line.decode("utf-8", "replace")
    return 0.9 if read_clf(text) or read_squid(text) else 0.0


def _when(line: bytes) -> int | None:
    if line.startswith((b"{", b"[")):
        return next((_time(one) for one in objects(read_json(line)[0])), None)
    if _ROW.match(line):
        return parse_time(line[:19].decode().replace("\t", " "))
    told = read_clf(text := line.decode("utf-8", "replace")) or read_squid(text)
    return None if told is None else told.time


WEB = Linewise(name="web", score=_score, when=_when, reader=WebReader)
