"""Kibana's client against a server that behaves as the Detection Engine is documented."""

import json
from collections.abc import Mapping

import pytest
from jsonschema import Draft202012Validator

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.loopback import Answer, LoopbackServer
from mcp_siem.errors import BackendError
from mcp_siem_backends.elastic.client import KibanaClient
from mcp_siem_backends.elastic.testing import KibanaServer, schemas

KEY = "a2V5OnZhbHVl"
ONE, TWO = "6f2f2b52-4f0e-4a4f-9f0e-000000000001", "6f2f2b52-4f0e-4a4f-9f0e-000000000002"


def document(key: str, text: str) -> Mapping[str, object]:
    return {
        "rule_id": key, "name": f"Rule {key}", "description": "d", "risk_score": 47, "severity": "medium",
        "type": "query", "language": "lucene", "query": text, "tags": ["mcp-siem"],
    }  # fmt: skip


def kibana(server: LoopbackServer, secrets: Mapping[str, str] | None = None, **options: str) -> KibanaClient:
    known = {"api_key": KEY} if secrets is None else secrets
    return KibanaClient(
        Connection(name="test", target="elastic", url=server.url, secrets=known, options=options, timeout=5)
    )


def answer(status: int, body: bytes = b'{"message": "m", "status_code": 0}', kind: str = "application/json") -> Answer:
    return Answer(status=status, body=body, content_type=kind, headers={"x-request-id": "req-7"})


def test_kibana_requests_and_replies_fit_the_documented_api() -> None:
    with KibanaServer(api_keys=[KEY]) as server:
        client = kibana(server)
        client.put(ONE, document(ONE, "a"))
        client.put(ONE, document(ONE, "b"))
        list(client.list())
        client.delete(ONE)
        client.get(ONE)
        calls = server.exchanges
    assert [(call.request.method, call.answer.status) for call in calls] == [
        ("GET", 404), ("POST", 200), ("GET", 200), ("PUT", 200), ("GET", 200), ("DELETE", 200), ("GET", 404),
    ]  # fmt: skip
    sent = {"POST": schemas.CREATE, "PUT": schemas.REPLACE}
    for call in calls:
        headers = call.request.headers
        assert headers["elastic-api-version"] == "2023-10-31"
        assert headers["authorization"] == f"ApiKey {KEY}"
        assert "kbn-xsrf" in headers
        if call.request.method in sent:
            schema = sent[call.request.method]
            body = json.loads(call.request.body)
            Draft202012Validator(schema).validate(body)
            assert body.keys() <= schema["properties"].keys()
        reply = schemas.ERROR if call.answer.status != 200 else schemas.RULE
        reply = schemas.FIND if call.request.path.endswith("_find") else reply
        Draft202012Validator(reply).validate(json.loads(call.answer.body))


def test_kibana_spaces_are_apart_and_an_unknown_one_is_no_missing_rule() -> None:
    with KibanaServer(api_keys=[KEY], spaces=["default", "so c"]) as server:
        kibana(server, space="so c").put(ONE, document(ONE, "a"))
        assert kibana(server).get(ONE) is None
        assert server.rule(ONE, space="so c") is not None
        with pytest.raises(BackendError, match="space/nowhere") as caught:
            kibana(server, space="nowhere").get(ONE)
    assert "space" in str(caught.value.hint)


def test_kibana_lists_nothing_without_our_tag() -> None:
    with KibanaServer(api_keys=[KEY]) as server:
        client = kibana(server)
        client.put(ONE, {**document(ONE, "a"), "tags": ["theirs", "mcp-siem-not"]})
        client.put(TWO, {**document(TWO, "b"), "tags": ["x", "mcp-siem"]})
        assert [rule["rule_id"] for rule in client.list()] == [TWO]


def test_kibana_counts_revisions_and_fills_in_its_defaults() -> None:
    with KibanaServer(api_keys=[KEY]) as server:
        client = kibana(server)
        first = client.put(ONE, document(ONE, "a"))
        same = client.put(ONE, document(ONE, "a"))
        second = client.put(ONE, document(ONE, "b"))
    assert [first["revision"], same["revision"], second["revision"]] == [0, 0, 1]
    assert first["id"] == second["id"]
    assert (first["interval"], first["exceptions_list"], first["max_signals"]) == ("5m", [], 100)


def test_kibana_says_which_field_it_refuses() -> None:
    with KibanaServer(api_keys=[KEY]) as server, pytest.raises(BackendError, match="severity") as caught:
        kibana(server).put(ONE, {**document(ONE, "a"), "severity": "informational"})
    assert caught.value.status == 400
    assert not caught.value.retryable


def test_a_rule_created_meanwhile_is_replaced_not_doubled() -> None:
    with KibanaServer(api_keys=[KEY]) as server:
        client = kibana(server)
        client.put(ONE, document(ONE, "a"))
        server.faults.append(answer(404, b'{"message": "not found", "status_code": 404}'))
        assert client.put(ONE, document(ONE, "b"))["query"] == "b"
        assert server.exchanges[-2].answer.status == 409
        assert len(server.spaces["default"]) == 1


def test_kibana_takes_a_user_and_password_or_a_key_as_id_and_secret() -> None:
    with KibanaServer(users={"u": "p:ä"}, api_keys=["aWQ6c2VjcmV0"]) as server:
        user = {"username": "u", "password": "p:ä"}
        assert kibana(server, user).get(ONE) is None
        key = {"api_key": "id:secret"}
        assert kibana(server, key).get(ONE) is None


def test_elasticsearch_in_place_of_kibana_is_recognised() -> None:
    with KibanaServer(api_keys=[KEY]) as server:
        wrong = Answer(
            status=400,
            body=b'{"error":"no handler found for uri [/api/detection_engine/rules] and method [GET]"}',
            content_type="application/json",
            headers={"X-elastic-product": "Elasticsearch"},
        )
        server.faults.append(wrong)
        with pytest.raises(BackendError) as caught:
            kibana(server).get(ONE)
    assert "9200" in str(caught.value.hint)
