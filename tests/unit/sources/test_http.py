from typing import Any

import pytest

_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read", "arguments": {"p": 1}}}
_DONE = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "done"}]}}


def _post(body: object, **headers: object) -> dict[str, object]:
    return {
        "method": "POST",
        "path": "/mcp",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "body": body,
    }


def _reply(body: object, status: object = 200, **headers: object) -> dict[str, object]:
    return {
        "status_code": status,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "body": body,
    }


def test_an_exchange_is_an_http_event_and_the_events_of_its_bodies(tap: Any) -> None:
    web, call = tap.http(_post(_CALL, user_agent="agent/1", origin="http://evil.test", host="localhost"), _reply(_DONE))
    assert web["event.dataset"] == "mcp.http"
    assert (web["http.request.method"], web["url.path"], web["http.response.status_code"]) == ("POST", "/mcp", 200)
    assert (web["mcp.http.origin"], web["mcp.http.host"]) == ("http://evil.test", "localhost")
    assert (web["user_agent.original"], web["mcp.auth.method"]) == ("agent/1", "none")
    assert (web["mcp.method.name"], web["gen_ai.tool.name"]) == ("tools/call", "read")
    assert (call["event.dataset"], call["mcp.response.text"]) == ("mcp.protocol", "done")
    assert (call["network.transport"], call["user_agent.original"]) == ("tcp", "agent/1")
    assert "http.response.status_code" not in call
    assert [event.raw_ref for event in tap.events] == ["tap:1", "tap:1"]


@pytest.mark.parametrize(
    "body",
    [
        _DONE,
        [_DONE],
        '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}}',
        'event: message\ndata: {"jsonrpc":"2.0","id":1,\ndata: "result":{"content":[{"type":"text","text":"done"}]}}\n\n',
        'id: 1\r\ndata:\r\n\r\n: ping\r\n\r\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":"done"}}\r\n',
    ],
)
def test_a_body_is_read_in_each_form_it_is_captured_in(tap: Any, body: object) -> None:
    told = tap.http(_post(_CALL), _reply(body, content_type="text/event-stream"))
    assert [one["event.dataset"] for one in told] == ["mcp.http", "mcp.protocol"]
    assert told[1]["mcp.message.pairing"] == "paired"
    assert "done" in str(told[1]["mcp.response.text"])
    assert tap.issues == []


def test_a_request_body_may_be_text_too(tap: Any) -> None:
    import json  # noqa: PLC0415 - one use

    told = tap.http(_post(json.dumps(_CALL)), _reply(_DONE))
    assert told[1]["gen_ai.tool.name"] == "read"


def test_the_answer_to_a_request_inside_a_stream_is_found_in_a_later_or_an_earlier_post(tap: Any) -> None:
    asks = {"jsonrpc": "2.0", "id": 0, "method": "sampling/createMessage", "params": {"systemPrompt": "s"}}
    says = {"jsonrpc": "2.0", "id": 0, "result": {"content": {"type": "text", "text": "short"}}}
    for early in (True, False):
        if early:
            tap.http(_post(says, mcp_session_id="a"), _reply(None, 202))
        told = tap.http(_post(_CALL, mcp_session_id="a"), _reply([asks, _DONE], content_type="text/event-stream"))
        if not early:
            told += tap.http(_post(says, mcp_session_id="a"), _reply(None, 202))
        (sampled,) = [one for one in told if one.get("mcp.method.name") == "sampling/createMessage"]
        assert (sampled["mcp.message.pairing"], sampled["mcp.response.text"]) == ("paired", "short")
    assert tap.end() == []


def test_sessions_do_not_answer_each_other(tap: Any) -> None:
    asks = {"jsonrpc": "2.0", "id": 0, "method": "roots/list"}
    says = {"jsonrpc": "2.0", "id": 0, "result": {"roots": []}}
    tap.http(_post(_CALL, mcp_session_id="a"), _reply([asks, _DONE]))
    tap.http(_post(says, mcp_session_id="b"), _reply(None, 202))
    assert sorted(str(one["mcp.message.pairing"]) for one in tap.end()) == ["unanswered", "unrequested"]


def test_an_answer_in_a_stream_of_the_server_alone_is_no_forgery(tap: Any) -> None:
    stream = tap.http(
        {"method": "GET", "path": "/sse"},
        _reply([{"jsonrpc": "2.0", "id": 7, "result": {}}], content_type="text/event-stream"),
    )
    assert [one["mcp.message.pairing"] for one in stream if "mcp.message.pairing" in one] == ["unseen"]
    posted = tap.http(_post(_CALL), _reply([{"jsonrpc": "2.0", "id": 991, "result": {}}, _DONE]))
    assert "unrequested" in [one.get("mcp.message.pairing") for one in posted]


def test_an_answer_over_the_old_event_stream_is_found_by_the_session_of_the_query(tap: Any) -> None:
    tap.http({"method": "POST", "path": "/messages?sessionId=q1", "body": _CALL}, _reply("Accepted", 202))
    told = tap.http({"method": "GET", "path": "/sse?sessionId=q1"}, _reply([_DONE], content_type="text/event-stream"))
    assert told[1]["mcp.message.pairing"] == "paired"
    assert told[1]["mcp.session.id"] == "q1"


def test_a_request_that_http_refused_is_a_failure_at_once(tap: Any) -> None:
    challenge = 'Bearer error="insufficient_scope", scope="files:read files:write", resource_metadata="https://a/b"'
    web, call = tap.http(
        _post(_CALL, authorization="Bearer secret-token"), _reply("no", 403, www_authenticate=challenge)
    )
    assert (web["event.outcome"], web["error.type"], web["mcp.auth.error"]) == ("failure", "403", "insufficient_scope")
    assert web["mcp.auth.scope"] == ["files:read", "files:write"]
    assert web["mcp.auth.method"] == "bearer"
    assert (call["mcp.message.type"], call["event.outcome"], call["error.type"]) == ("request", "failure", "403")
    assert "secret-token" not in str(tap.events)
    assert tap.end() == []


def test_an_oauth_error_in_the_body_is_no_json_rpc_error(tap: Any) -> None:
    (web, _) = tap.http(_post(_CALL), _reply({"error": "invalid_token", "error_description": "expired"}, 401))
    assert web["mcp.auth.error"] == "invalid_token"


def test_a_json_rpc_error_with_a_failing_status_is_paired(tap: Any) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Resource not found"}}
    _, call = tap.http(_post(_CALL), _reply(error, 400))
    assert (call["mcp.message.pairing"], call["error.type"]) == ("paired", "-32602")


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({"Authorization": "Bearer x"}, "bearer"),
        ({"AUTHORIZATION": "basic eDp5"}, "basic"),
        ({"authorization": "sk-123456"}, "api_key"),
        ({"X-Api-Key": "k"}, "api_key"),
        ([["Authorization", "DPoP x"]], "dpop"),
        ([{"name": "authorization", "value": "Bearer x"}], "bearer"),
        ({"authorization": ["Bearer x", "Basic y"]}, "bearer"),
        ({}, "none"),
        ("nonsense", "none"),
    ],
)
def test_the_way_a_caller_authenticates_is_told_and_never_the_credential(tap: Any, headers: Any, method: str) -> None:
    (web,) = tap.http({"method": "GET", "path": "/", "headers": headers}, _reply(None, 200))
    assert web["mcp.auth.method"] == method
    assert "sk-123456" not in str(web)


def test_headers_that_contradict_the_body_are_named(tap: Any) -> None:
    web = tap.http(_post(_CALL, mcp_method="tools/list", mcp_name="=?base64?cmVhZA==?="), _reply(_DONE))[0]
    assert (web["mcp.http.method_header"], web["mcp.http.name_header"]) == ("tools/list", "read")
    assert web["mcp.http.header_mismatch"] == ["method"]
    web = tap.http(_post(_CALL, mcp_method=["tools/call"], mcp_name=["read", "safe"]), _reply(_DONE))[0]
    assert web["mcp.http.name_header"] == "read, safe"
    assert web["mcp.http.header_mismatch"] == ["name"]


def test_a_name_that_is_not_base64_after_all_stays_as_it_is(tap: Any) -> None:
    assert tap.http(_post(None, mcp_name="=?base64?A?="))[0]["mcp.http.name_header"] == "=?base64?A?="


@pytest.mark.parametrize(
    ("more", "headers", "address"),
    [
        ({"client": "10.0.0.5"}, {}, "10.0.0.5"),
        ({"client": "10.0.0.5:4711"}, {}, "10.0.0.5"),
        ({"client": "[2001:db8::1]:443"}, {}, "2001:db8::1"),
        ({"client": {"address": "10.0.0.5", "port": 1}}, {}, "10.0.0.5"),
        ({"client": ["10.0.0.5", 4711]}, {}, "10.0.0.5"),
        ({"client.address": "10.0.0.5"}, {"X-Forwarded-For": "1.2.3.4"}, "10.0.0.5"),
        ({}, {"X-Forwarded-For": "6.6.6.6, 10.0.0.9"}, "10.0.0.9"),
        ({"client": "not an address"}, {}, None),
        ({"client": 5}, {"X-Forwarded-For": "x"}, None),
    ],
)
def test_the_callers_address_is_the_peers_and_a_forwarded_one_only_without_a_peer(
    tap: Any, more: dict[str, object], headers: object, address: str | None
) -> None:
    (web,) = tap.http({"method": "GET", "path": "/mcp", "headers": headers}, _reply(None), **more)
    assert web.get("source.ip") == address


def test_a_stateless_caller_is_not_taken_for_the_one_before(tap: Any) -> None:
    meta = {"io.modelcontextprotocol/clientInfo": {"name": "first"}}
    tap.http(_post({**_CALL, "params": {"name": "t", "_meta": meta}}), _reply(_DONE))
    assert "mcp.client.name" not in tap.http(_post(_CALL), _reply(_DONE))[1]


def test_deleting_a_session_ends_it(tap: Any) -> None:
    told = tap.http({"method": "delete", "path": "/mcp", "headers": {"Mcp-Session-Id": "a"}}, _reply(None))
    assert told[1]["event.action"] == "disconnect"


def test_pages_and_forms_are_no_faults_and_broken_json_is(tap: Any) -> None:
    tap.http(_post("grant_type=client_credentials"), _reply("<html>", 500))
    tap.http(_post({"client_name": "x", "redirect_uris": []}), _reply({"client_id": "y"}, 201))
    assert tap.issues == []
    tap.http(_post('{"jsonrpc": "2.0", "id"'), _reply(None))
    assert [issue.code for issue in tap.issues] == ["not_json"]


@pytest.mark.parametrize("wrong", [None, 5, "x", [], {"method": 5, "headers": 5, "body": 5, "path": []}])
def test_an_exchange_of_any_shape_is_an_event(tap: Any, wrong: object) -> None:
    assert tap.http(wrong, wrong)[0]["event.dataset"] == "mcp.http"
    assert tap.http(wrong, {"status_code": wrong, "headers": wrong, "body": wrong})[0]["event.dataset"] == "mcp.http"


def test_answers_that_wait_for_their_request_are_bounded(small_tap: Any) -> None:
    for number in range(5):
        small_tap.http(_post({"jsonrpc": "2.0", "id": number, "result": {}}, mcp_session_id="a"), _reply(None, 202))
    pairings = [event.data.get("mcp.message.pairing") for event in small_tap.events]
    assert pairings.count("unrequested") == 3
    assert len(small_tap.end()) == 2


def test_an_error_without_an_id_answers_the_one_request_of_its_exchange(tap: Any) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32020, "message": "Header mismatch"}}
    _, call = tap.http(_post(_CALL, mcp_name="other"), _reply(error, 400))
    assert (call["gen_ai.tool.name"], call["rpc.response.status_code"]) == ("read", "-32020")
    two = [_CALL, {**_CALL, "id": 2}]
    told = tap.http(_post(two), _reply(error, 400))
    assert [one["mcp.message.pairing"] for one in told[1:]] == ["unrequested", "unanswered", "unanswered"]


def test_a_refusal_under_an_id_of_the_servers_own_answers_the_request_that_it_refused(tap: Any) -> None:
    error = {"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32600, "message": "Session not found"}}
    _, call = tap.http(_post(_CALL), _reply(error, 404))
    assert (call["mcp.message.pairing"], call["error.message"]) == ("paired", "Session not found")
    assert tap.end() == []


def test_a_batch_over_http_is_told_as_one(tap: Any) -> None:
    told = tap.http(_post([_CALL, {**_CALL, "id": 2}]), _reply([{**_DONE, "id": 2}, _DONE]))
    assert [one["jsonrpc.request.id"] for one in told[1:]] == ["2", "1"]
    assert all(one["mcp.message.batch"] for one in told[1:])


def test_where_nothing_names_a_caller_the_input_does_so_that_its_refusals_count(tap: Any) -> None:
    refused = {"request": _post(_CALL), "response": _reply("", 401)}
    told = tap.line_of({"ts": "2026-11-25T10:00:00Z", "http": refused})
    assert [event["mcp.principal"] for event in told] == ["tap", "tap"]


def test_headers_sent_twice_stay_texts_as_the_taxonomy_says(tap: Any) -> None:
    twice = {"Origin": ["a", "b"], "Host": ["c", "d"], "Mcp-Method": ["x", "y"], "MCP-Protocol-Version": ["1", "2"]}
    (web,) = tap.http({"method": "GET", "path": "/", "headers": twice}, _reply(None, 200))
    names = ("origin", "host", "method_header", "version_header")
    assert [web[f"mcp.http.{name}"] for name in names] == ["a, b", "c, d", "x, y", "1, 2"]


def test_two_hosts_of_one_capture_are_two_servers(tap: Any) -> None:
    def exchange(host: str, method: str, result: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method}
        request = {"method": "POST", "headers": {"host": host}, "body": body}
        response = _reply({"jsonrpc": "2.0", "id": 1, "result": result})
        return tap.line_of({"ts": tap.line, "http": {"request": request, "response": response}})[-1]

    def listed(host: str, description: str) -> Any:
        return exchange(host, "tools/list", {"tools": [{"name": "t", "description": description}]})

    exchange("a.test", "server/discover", {"_meta": {"io.modelcontextprotocol/serverInfo": {"name": "first"}}})
    assert listed("a.test", "one")["mcp.server.name"] == "first"
    other = listed("b.test", "two")
    assert (other.get("mcp.server.name"), other["mcp.tool.definition_changed"]) == (None, False)
    assert listed("c.test", "three")["mcp.tool.definition_changed"] is False
    assert listed("b.test", "four")["mcp.tool.definition_changed"] is True


def test_a_number_beyond_64_bits_is_no_status(tap: Any) -> None:
    (web,) = tap.http({"method": "GET", "path": "/"}, {"status_code": 2**63})
    assert "http.response.status_code" not in web


@pytest.mark.parametrize(
    "name", ["oauth-authorization-server", "oauth-authorization-server/tenant", "openid-configuration"]
)
def test_the_metadata_of_an_authorization_server_says_where_it_sends_the_user(tap: Any, name: str) -> None:
    metadata = {"issuer": "https://a.test", "authorization_endpoint": "https://a.test/$(id)"}
    (web,) = tap.http({"method": "GET", "path": f"/.well-known/{name}", "headers": {}}, _reply(metadata))
    assert web["mcp.oauth.authorization_endpoint"] == "https://a.test/$(id)"


@pytest.mark.parametrize(
    ("path", "metadata"),
    [
        ("/status", {"authorization_endpoint": "https://a.test/$(id)"}),
        ("/.well-known/oauth-authorization-server", {"authorization_endpoint": ["https://a.test"]}),
        ("/.well-known/oauth-authorization-server", "not JSON"),
        ("/.well-known/oauth-authorization-server", None),
    ],
)
def test_what_is_no_such_metadata_names_no_endpoint(tap: Any, path: str, metadata: object) -> None:
    (web,) = tap.http({"method": "GET", "path": path, "headers": {}}, _reply(metadata))
    assert "mcp.oauth.authorization_endpoint" not in web
