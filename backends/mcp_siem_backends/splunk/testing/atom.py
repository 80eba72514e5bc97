"""How splunkd writes an answer: an Atom feed, or the same in JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from mcp_siem.deploy.loopback import Answer
from mcp_siem_backends.splunk.testing.defaults import BOOLEANS, NUMBERS

__all__ = ["Entry", "Paging", "feed", "messages", "session"]

_UPDATED = "2026-01-01T00:00:00+00:00"
_HEADERS: Mapping[str, str] = {
    "Vary": "Authorization",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store, must-revalidate, no-cache, max-age=0",
}
_XML_TYPE = "text/xml; charset=UTF-8"
_JSON_TYPE = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One saved search with its place."""

    name: str
    owner: str
    app: str
    sharing: str
    content: Mapping[str, str]

    @property
    def acl(self) -> Mapping[str, object]:
        """Who may do what with it."""
        return {
            "app": self.app, "owner": self.owner, "sharing": self.sharing, "can_write": True, "can_list": True,
            "can_change_perms": True, "modifiable": True, "removable": True,
        }  # fmt: skip

    @property
    def link(self) -> str:
        """Its path."""
        return f"/servicesNS/{quote(self.owner, safe='')}/{quote(self.app, safe='')}/saved/searches/{quote(self.name, safe='')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which part of a list an answer holds."""

    total: int
    per_page: int
    offset: int


def feed(entries: Sequence[Entry], paging: Paging, *, origin: str, form: str, status: int = 200) -> Answer:
    """A feed of saved searches as `json` or Atom."""
    if form == "json":
        record = {
            "links": {"create": "/services/saved/searches/_new", "_reload": "/services/saved/searches/_reload"},
            "origin": origin,
            "updated": _UPDATED,
            "generator": {"build": "test", "version": "9.4.0"},
            "entry": [_json_entry(entry, origin) for entry in entries],
            "paging": {"total": paging.total, "perPage": paging.per_page, "offset": paging.offset},
            "messages": [],
        }
        return _answer(status, json.dumps(record), _JSON_TYPE)
    body = "".join(_atom_entry(entry, origin) for entry in entries)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:s="http://dev.splunk.com/ns/rest" '
        'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">\n'
        f"  <title>savedsearch</title>\n  <id>{escape(origin)}</id>\n  <updated>{_UPDATED}</updated>\n"
        '  <generator build="test" version="9.4.0"/>\n  <author>\n    <name>Splunk</name>\n  </author>\n'
        f"  <opensearch:totalResults>{paging.total}</opensearch:totalResults>\n"
        f"  <opensearch:itemsPerPage>{paging.per_page}</opensearch:itemsPerPage>\n"
        f"  <opensearch:startIndex>{paging.offset}</opensearch:startIndex>\n  <s:messages/>\n{body}</feed>\n"
    )
    return _answer(status, text, _XML_TYPE)


def messages(status: int, kind: str, text: str, *, form: str) -> Answer:
    """An answer that holds one message of splunkd."""
    if form == "json":
        return _answer(status, json.dumps({"messages": [{"type": kind, "text": text}]}), _JSON_TYPE)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<response>\n  <messages>\n'
        f"    <msg type={quoteattr(kind)}>{escape(text)}</msg>\n  </messages>\n</response>\n"
    )
    return _answer(status, body, _XML_TYPE)


def session(key: str, *, form: str) -> Answer:
    """The answer to a login."""
    if form == "json":
        return _answer(200, json.dumps({"sessionKey": key, "message": "", "code": ""}), _JSON_TYPE)
    return _answer(200, f"<response>\n  <sessionKey>{escape(key)}</sessionKey>\n</response>\n", _XML_TYPE)


def _json_entry(entry: Entry, origin: str) -> Mapping[str, object]:
    content = {key: _typed(key, value) for key, value in entry.content.items()}
    host = origin.partition("/services")[0]
    return {
        "name": entry.name,
        "id": host + entry.link,
        "updated": _UPDATED,
        "links": {"alternate": entry.link, "list": entry.link, "edit": entry.link, "remove": entry.link},
        "author": entry.owner,
        "acl": {**entry.acl, "perms": None},
        "content": {**content, "eai:acl": None},
    }


def _typed(key: str, value: str) -> object:
    if key in BOOLEANS and value in {"0", "1"}:
        return value == "1"
    return int(value) if key in NUMBERS and value.isdecimal() else value


def _atom_entry(entry: Entry, origin: str) -> str:
    host = origin.partition("/services")[0]
    acl = "".join(_key(name, str(int(v)) if isinstance(v, bool) else str(v)) for name, v in sorted(entry.acl.items()))
    keys = "".join(_key(name, value) for name, value in sorted(entry.content.items()))
    return (
        f"  <entry>\n    <title>{escape(entry.name)}</title>\n    <id>{escape(host + entry.link)}</id>\n"
        f'    <updated>{_UPDATED}</updated>\n    <link href={quoteattr(entry.link)} rel="alternate"/>\n'
        f"    <author>\n      <name>{escape(entry.owner)}</name>\n    </author>\n"
        f'    <content type="text/xml">\n      <s:dict>\n{keys}        <s:key name="eai:acl">\n          <s:dict>\n'
        f"{acl}          </s:dict>\n        </s:key>\n      </s:dict>\n    </content>\n  </entry>\n"
    )


def _key(name: str, value: str) -> str:
    return f"        <s:key name={quoteattr(name)}>{escape(value)}</s:key>\n"


def _answer(status: int, text: str, kind: str) -> Answer:
    return Answer(status=status, body=text.encode("utf-8"), content_type=kind, headers=_HEADERS)
