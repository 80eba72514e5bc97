"""The same pairs on a real Splunk, where someone has one: events in over REST, the emitted search asked of them.

Events go to SPLUNK_INDEX (default main) with our source type, whose props (KV_MODE=json) are those that `convert --target
splunk` ships, and a `source` of each run, by which alone the search is bound. Credentials: the user and password of the
address, or SPLUNK_TOKEN. TLS is verified; SPLUNK_CA names a private CA.
"""

import json
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode
from uuid import uuid4

import urllib3
from referee_cases import Answer, Case, Tally
from referee_rules import batch
from spl_judge import row_of
from urllib3.util import make_headers, parse_url

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.splunk.scope import ENDPOINT_MACRO, INDEX_MACRO, SOURCETYPE
from mcp_siem_backends.splunk.target import SplunkTarget

__all__ = ["LiveJudge", "Splunk", "SplunkError"]

_MARK = "referee_mark"
_PATIENCE = 120.0
# What Splunk adds to an event by itself.
_SPLUNKS = {"_raw", "_time", "_indextime", "index", "sourcetype"}


class SplunkError(Exception):
    """The Splunk cannot be asked; one line says why."""


class Splunk:
    """The calls of one server that the referee needs."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        where = parse_url(url)
        if where.scheme not in ("http", "https") or where.host is None:
            raise SplunkError("SPLUNK_URL is no address like https://user:password@host:8089")
        token = environ.get("SPLUNK_TOKEN")
        login = {"authorization": f"Bearer {token}"} if token else make_headers(basic_auth=where.auth)
        self._url = f"{where.scheme}://{where.netloc}"
        self._pool = urllib3.PoolManager(ca_certs=environ.get("SPLUNK_CA"), headers=login, timeout=120, retries=False)
        self._index = environ.get("SPLUNK_INDEX", "main")

    def load(self, events: Sequence[Mapping[str, object]]) -> str:
        """Sends events, each marked with its place, waits until all are found, and gives the source that holds them."""
        source = f"mcp-siem-referee-{uuid4()}"
        where = urlencode({"index": self._index, "sourcetype": SOURCETYPE, "source": source})
        lines = [json.dumps({**event, _MARK: at}) for at, event in enumerate(events)]
        self._call("POST", f"/services/receivers/stream?{where}", "\n".join(lines))
        end = time.monotonic() + _PATIENCE
        while len(self._rows(f'search index="{self._index}" source="{source}"')) < len(lines):
            if time.monotonic() > end:
                raise SplunkError(f"the events of {source} are not in index {self._index} after {_PATIENCE:g} s")
            time.sleep(1)
        return source

    def find(self, text: str, source: str) -> set[int]:
        """The places of the events that an emitted search finds, bound to one source instead of an index."""
        for macro in (INDEX_MACRO, ENDPOINT_MACRO):
            text = text.replace(f"`{macro}`", f'(index="{self._index}" source="{source}")')
        rows = self._rows(f"search {text}")
        return {int(str(row[_MARK])) if _MARK in row else -1 for row in rows}

    def _rows(self, search: str) -> list[Mapping[str, object]]:
        fields = {"search": f"{search}\n| fields *", "output_mode": "json", "earliest_time": "0", "latest_time": "+20y"}
        answer = self._call("POST", "/services/search/jobs/export", urlencode(fields))
        lines = [json.loads(line) for line in answer.split("\n") if line.strip()]
        for line in lines:
            for message in line.get("messages", ()):
                if message.get("type") in ("ERROR", "FATAL"):
                    raise SplunkError(f"Splunk refused a search: {message.get('text')}: {search}")
        return [line["result"] for line in lines if "result" in line and not line.get("preview")]

    def _call(self, method: str, path: str, body: str) -> str:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        try:
            answer = self._pool.request(
                method, self._url + path, body=body.encode(), headers={**self._pool.headers, **kind}
            )
        except urllib3.exceptions.HTTPError as fault:
            raise SplunkError(f"{self._url} does not answer: {fault}") from fault
        if answer.status >= 300:
            raise SplunkError(f"{self._url}{path.partition('?')[0]}: {answer.status} {answer.data[:200]!r}")
        return answer.data.decode()


class LiveJudge:
    """A real Splunk."""

    name = "splunk-live"

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self._splunk = Splunk(url, environ)

    def tally(self, pairs: int, seed: str) -> Tally:
        """The pairs of the interpreter's run."""
        tally, number = Tally(pairs), 0
        while tally.left:
            some = batch(seed, number)
            taxonomy = some.taxonomy(arrays=True)
            source = self._splunk.load([_sent(Event(data=event, time=0), taxonomy) for event in some.events])
            for at, pack in enumerate(some.packs):
                answer = SplunkTarget(taxonomy).query(next(iter(pack)))
                if isinstance(answer, Refusal):
                    tally.refuse(len(some.events), answer.code)
                elif tally.left:
                    some.judge(tally, at, answer.notes, self._splunk.find(answer.text, source).__contains__)
            number += 1
        return tally

    def answer(self, case: Case) -> Answer:
        """What the searches of the case's rules find among its events."""
        pack = case.pack(arrays=True)
        if any(rule.kind == "correlation" for rule in pack.alerting()):
            return Answer(verdict="refused", reason="over REST events get the time of their arrival: no correlations")
        answers = [SplunkTarget(pack.taxonomy).query(rule) for rule in pack.alerting()]
        source = self._splunk.load([_sent(event, pack.taxonomy) for event in case.read()])
        if any(self._splunk.find(answer.text, source) for answer in answers if isinstance(answer, Query)):
            return Answer(verdict="fired")
        refused = [f"{answer.code}: {answer.reason}" for answer in answers if isinstance(answer, Refusal)]
        return Answer(verdict="refused" if refused else "missed", reason="; ".join(refused))


def _sent(event: Event, taxonomy: Taxonomy) -> dict[str, object]:
    """The event as the interpreter's row has it; Splunk reads every value as text."""
    fields = row_of(event, taxonomy, 0).fields
    return {
        name.removesuffix("{}"): list(values) if name.endswith("{}") else values[0]
        for name, values in fields.items()
        if name not in _SPLUNKS
    }
