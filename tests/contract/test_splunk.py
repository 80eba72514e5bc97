"""Splunk's client against a server that behaves as splunkd is recorded and documented."""

import base64
import gzip
import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.loopback import LoopbackServer, Request
from mcp_siem.errors import AuthError, BackendError, ConfigError
from mcp_siem_backends.splunk.client import SplunkClient
from mcp_siem_backends.splunk.testing import SplunkServer, schemas

TOKEN = "t0ken"  # noqa: S105 - known to the test server alone
ONE = "6f2f2b52-4f0e-4a4f-9f0e-000000000001"
ATOM = "{http://www.w3.org/2005/Atom}"
REST = "{http://dev.splunk.com/ns/rest}"


def document(key: str, text: str) -> Mapping[str, object]:
    return {
        "name": f"Rule {key}", "search": text, "description": f"mcp-siem rule={key};", "is_scheduled": "1",
        "cron_schedule": "*/5 * * * *", "alert_type": "number of events", "alert_comparator": "greater than",
        "alert_threshold": "0", "alert.track": "1",
    }  # fmt: skip


def key_of(document: Mapping[str, object]) -> str | None:
    lead, _, rest = str(document.get("description")).partition("mcp-siem rule=")
    return rest.partition(";")[0] if not lead and rest else None


def splunk(server: LoopbackServer, secrets: Mapping[str, str] | None = None, **options: str) -> SplunkClient:
    known = {"token": TOKEN} if secrets is None else secrets
    connection = Connection(name="test", target="splunk", url=server.url, secrets=known, options=options, timeout=5)
    return SplunkClient(connection, key_of=key_of)


def told(error: BaseException) -> str:
    """All that a person or a log could see of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))


def test_splunk_logs_in_once_with_user_and_password() -> None:
    with SplunkServer(users={"admin": "pass&word"}) as server:
        client = splunk(server, secrets={"username": "admin", "password": "pass&word"})
        client.put(ONE, document(ONE, "a"))
        client.delete(ONE)
        logins = [call for call in server.exchanges if call.request.path == "/services/auth/login"]
        assert len(logins) == 1
        wrong = splunk(server, secrets={"username": "admin", "password": "wr0ng-secret"})
        with pytest.raises(AuthError, match="Login failed") as caught:
            wrong.get(ONE)
    assert "wr0ng-secret" not in told(caught.value)


def test_splunk_documents_are_flat_texts_with_name_and_acl() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        held = splunk(server).put(ONE, document(ONE, "index=main"))
    assert held["is_scheduled"] == "1"
    assert held["disabled"] == "0"
    assert held["alert.severity"] == "3"
    assert held["acl"]["app"] == "search"
    assert len(held) > 100
    assert all(isinstance(value, str) for key, value in held.items() if key != "acl")


def test_splunk_updates_only_what_is_sent_and_never_the_derived_keys() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        client = splunk(server)
        whole = client.put(ONE, {**document(ONE, "a"), "action.email.to": "soc@example.test"})
        assert client.put(ONE, {**whole, "search": "b"})["search"] == "b"
        assert client.put(ONE, {"search": "c"})["action.email.to"] == "soc@example.test"


def test_splunk_never_overwrites_a_saved_search_of_the_same_name_that_is_not_ours() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        server.add(f"Rule {ONE}", search="index=theirs")
        with pytest.raises(BackendError, match="already exists") as caught:
            splunk(server).put(ONE, document(ONE, "a"))
        assert server.held(f"Rule {ONE}")["search"] == "index=theirs"
    assert caught.value.status == 409
    assert "not ours" in str(caught.value.hint)


def test_splunk_refuses_names_that_only_the_conf_file_knows() -> None:
    with (
        SplunkServer(tokens=[TOKEN]) as server,
        pytest.raises(BackendError, match='"counttype" is not supported') as caught,
    ):
        splunk(server).put(ONE, {**document(ONE, "a"), "counttype": "number of events"})
    assert caught.value.status == 400


def test_splunk_keeps_to_its_app() -> None:
    with SplunkServer(tokens=[TOKEN], apps=["search", "soc"]) as server:
        soc = splunk(server, app="soc")
        soc.put(ONE, document(ONE, "a"))
        assert splunk(server).get(ONE) is None
        assert ("nobody", "soc", f"Rule {ONE}") in server.searches
        with pytest.raises(BackendError, match="Application does not exist"):
            splunk(server, app="none").get(ONE)


def test_splunk_says_when_two_saved_searches_carry_one_rule() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        client = splunk(server)
        client.put(ONE, document(ONE, "a"))
        server.add("Copy of it", description=f"mcp-siem rule={ONE};")
        with pytest.raises(BackendError, match="2 carry its id: Copy of it, Rule"):
            client.get(ONE)
        assert len(list(client.list())) == 2


def test_splunk_names_may_hold_anything_a_title_holds() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        client = splunk(server)
        name = "Ümlaut & 100% <b> ? # = ; \"q\" 'a' \\ + ☃"
        client.put(ONE, {**document(ONE, "a"), "name": name})
        assert client.put(ONE, {"search": "b"})["name"] == name
        client.delete(ONE)
        assert server.searches == {}


def test_a_path_in_the_url_of_splunk_is_refused() -> None:
    with pytest.raises(ConfigError, match="without a path"):
        SplunkClient(Connection(name="t", target="splunk", url="https://splunk.example:8089/en-US"), key_of=key_of)


def test_splunk_requests_and_replies_fit_the_documented_api() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        client = splunk(server)
        client.put(ONE, document(ONE, "a"))
        client.put(ONE, document(ONE, "b"))
        client.delete(ONE)
        with pytest.raises(BackendError):
            splunk(server, app="none").get(ONE)
        calls = server.exchanges
    assert [(call.request.method, call.answer.status) for call in calls] == [
        ("GET", 200), ("POST", 201), ("GET", 200), ("POST", 200), ("GET", 200), ("DELETE", 200), ("GET", 404),
    ]  # fmt: skip
    for call in calls:
        assert call.request.headers["authorization"] == f"Bearer {TOKEN}"
        reply = schemas.FEED if call.answer.status < 300 else schemas.MESSAGES
        Draft202012Validator(reply).validate(json.loads(call.answer.body))
        if call.request.method == "POST":
            form = dict(parse_qsl(call.request.body.decode(), keep_blank_values=True))
            Draft202012Validator(schemas.CREATE if "name" in form else schemas.UPDATE).validate(form)


def recorded(index: int) -> tuple[int, str, bytes]:
    """Status, content type and body of one answer of a real splunkd."""
    path = Path(__file__).parent / "recordings" / "CanCrudSavedSearch.json.gz"
    answer = json.loads(gzip.decompress(path.read_bytes()))["Recordings"]["_array"][index]
    headers = {item["key"]: item["value"][0] for item in answer["Response.Content.Headers"]}
    body = base64.b64decode(answer["Response.Content"])
    return answer["Response.StatusCode"], headers["Content-Type"], body


def asked(server: SplunkServer, method: str, path: str, body: str = "") -> tuple[int, str, bytes]:
    """The same of ours, in Atom."""
    request = Request(
        method=method, path=path, query={}, headers={"authorization": f"Bearer {TOKEN}"}, body=body.encode()
    )
    answer = server.answer(request)
    return answer.status, answer.content_type, answer.body


def keys_of(body: bytes) -> dict[str, str]:
    entry = ET.fromstring(body).find(f"{ATOM}entry/{ATOM}content/{REST}dict")  # noqa: S314 - our own file
    assert entry is not None
    return {str(key.get("name")): key.text or "" for key in entry.findall(f"{REST}key")}


def outline(body: bytes) -> list[str]:
    """The elements of a feed and of its entry, without links and without what the answer is about."""
    feed = ET.fromstring(body)  # noqa: S314 - our own file
    inside = [f"entry/{child.tag}" for child in feed.findall(f"{ATOM}entry/*")]
    return [tag for tag in dict.fromkeys([child.tag for child in feed] + inside) if "link" not in tag]


def test_our_splunkd_answers_a_creation_as_a_real_one() -> None:
    status, kind, body = recorded(1)
    with SplunkServer(tokens=[TOKEN]) as server:
        ours = asked(server, "POST", "/services/saved/searches", "name=delete-me&search=index%3D_internal")
    assert ours[:2] == (status, kind)
    assert outline(ours[2]) == outline(body)
    real, mine = keys_of(body), keys_of(ours[2])
    bulky = {key for key in real if key.endswith(".command") or key.startswith("display.visual")}
    assert real.keys() - mine.keys() - bulky <= {"display.events.fields", "eai:attributes"}
    set_by_the_test = {"cron_schedule", "is_scheduled", "is_visible", "search", "qualifiedSearch", "eai:acl"}
    same = {key for key in real.keys() & mine.keys() - set_by_the_test if real[key] == mine[key]}
    assert real.keys() & mine.keys() - set_by_the_test - same <= {"alert.suppress", "next_scheduled_time"}


def test_our_splunkd_says_in_atom_and_json_what_it_cannot_find() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        status, kind, body = asked(server, "GET", "/services/saved/searches/none")
    assert (status, kind) == (404, "text/xml; charset=UTF-8")
    assert b"<msg type=\"ERROR\">In handler 'savedsearch': Could not find object id=none</msg>" in body


def test_our_splunkd_gives_thirty_entries_unless_asked() -> None:
    with SplunkServer(tokens=[TOKEN]) as server:
        for number in range(40):
            server.add(f"s{number}")
        listing = ET.fromstring(asked(server, "GET", "/services/saved/searches")[2])  # noqa: S314 - ours
    assert len(listing.findall(f"{ATOM}entry")) == 30
