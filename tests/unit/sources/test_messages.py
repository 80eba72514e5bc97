from typing import Any

import pytest

_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "host", "version": "3.1"},
    "io.modelcontextprotocol/clientCapabilities": {"sampling": {}, "elicitation": {}},
    "io.modelcontextprotocol/logLevel": "emergency",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "progressToken": 5,
}


def _call(tap: Any, method: str, params: object, result: object = None) -> dict[str, object]:
    tap.client({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    told: dict[str, object] = tap.server({"jsonrpc": "2.0", "id": 1, "result": {} if result is None else result})[0]
    return told


def test_a_stateless_request_says_who_asks_in_its_meta(tap: Any) -> None:
    told = _call(tap, "tools/call", {"name": "t", "arguments": {"a": 1}, "_meta": _META})
    assert told["mcp.protocol.version"] == "2026-07-28"
    assert (told["mcp.client.name"], told["mcp.client.version"]) == ("host", "3.1")
    assert told["mcp.client.capabilities"] == ["elicitation", "sampling"]
    assert told["mcp.log.level"] == "emergency"
    assert told["trace.id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert told["mcp.request.text"] == '{"a":1}'


def test_the_protocols_own_meta_is_no_text_of_the_request_but_foreign_meta_is(tap: Any) -> None:
    told = _call(tap, "resources/list", {"_meta": {**_META, "x": "smuggled"}})
    assert told["mcp.request.text"] == '{"_meta":{"x":"smuggled"}}'
    assert "mcp.request.text" not in _call(tap, "resources/list", {"_meta": _META})


def test_what_is_sent_beside_the_arguments_is_shown_with_them(tap: Any) -> None:
    told = _call(tap, "tools/call", {"name": "t", "arguments": {"a": 1}, "inputResponses": {"k": {"action": "accept"}}})
    assert told["mcp.request.text"] == '{"arguments":{"a":1},"inputResponses":{"k":{"action":"accept"}}}'


def test_text_is_kept_as_it_is_written(tap: Any) -> None:
    assert _call(tap, "tools/call", {"name": "t", "arguments": {"q": "héllo 世界"}})["mcp.request.text"] == (
        '{"q":"héllo 世界"}'
    )


def test_the_answer_of_a_stateless_server_names_it(tap: Any) -> None:
    meta = {"io.modelcontextprotocol/serverInfo": {"name": "demo", "version": "1.2"}}
    tap.client({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "t"}}, server=None)
    (told,) = tap.server({"jsonrpc": "2.0", "id": 1, "result": {"_meta": meta, "resultType": "complete"}}, server=None)
    assert (told["mcp.server.name"], told["mcp.server.info.version"]) == ("demo", "1.2")
    assert told["mcp.result.type"] == "complete"


def test_the_configured_name_of_a_server_wins_over_what_it_calls_itself(tap: Any) -> None:
    told = _call(tap, "initialize", {}, {"serverInfo": {"name": "github", "version": "1"}})
    assert (told["mcp.server.name"], told["mcp.server.info.name"]) == ("files", "github")


def test_an_input_required_result_shows_what_the_server_asks_for(tap: Any) -> None:
    asked = {
        "a": {"method": "elicitation/create", "params": {"mode": "url", "url": "https://evil.test", "message": "Go"}},
        "b": {"method": "sampling/createMessage", "params": {"systemPrompt": "s", "includeContext": "allServers"}},
        "c": {"method": "roots/list"},
    }
    told = _call(tap, "tools/call", {"name": "t"}, {"resultType": "input_required", "inputRequests": asked})
    assert told["mcp.result.type"] == "input_required"
    assert told["mcp.input_request.method"] == ["elicitation/create", "sampling/createMessage", "roots/list"]
    assert (told["mcp.elicitation.mode"], told["mcp.elicitation.url"]) == ("url", "https://evil.test")
    assert (told["mcp.sampling.system_prompt"], told["mcp.sampling.include_context"]) == ("s", "allServers")


def test_two_elicitations_in_one_result_are_both_shown(tap: Any) -> None:
    asked = {key: {"method": "elicitation/create", "params": {"message": key}} for key in ("a", "b")}
    told = _call(tap, "tools/call", {"name": "t"}, {"inputRequests": asked})
    assert told["mcp.elicitation.message"] == "a\nb"
    assert told["mcp.elicitation.mode"] == "form"


def test_of_several_requests_in_a_result_the_choice_that_reaches_furthest_is_told(tap: Any) -> None:
    asked = [
        {"method": "elicitation/create", "params": {"mode": "form", "message": "a"}},
        {"method": "elicitation/create", "params": {"mode": "url", "url": "https://evil.test"}},
        {"method": "sampling/createMessage", "params": {"includeContext": "none", "systemPrompt": "s"}},
        {"method": "sampling/createMessage", "params": {"includeContext": "allServers", "systemPrompt": "t"}},
    ]
    told = _call(tap, "tools/call", {"name": "t"}, {"inputRequests": asked})
    assert (told["mcp.elicitation.mode"], told["mcp.sampling.include_context"]) == ("url", "allServers")
    assert told["mcp.sampling.system_prompt"] == "s\nt"


def test_a_subscription_to_several_resources_shows_each_as_an_argument(tap: Any) -> None:
    told = _call(tap, "subscriptions/listen", {"notifications": {"resourceSubscriptions": ["a://b", "file:///c"]}})
    assert "mcp.resource.uri" not in told
    assert tap.deriver.given[-1] == ({"uri": ["a://b", "file:///c"]}, None)


def test_an_elicitation_of_a_server_shows_question_and_decision(tap: Any) -> None:
    tap.server({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {"message": "Password?"}})
    (told,) = tap.client({"jsonrpc": "2.0", "id": 1, "result": {"action": "accept", "content": {"password": "x"}}})
    assert (told["mcp.elicitation.message"], told["mcp.elicitation.mode"]) == ("Password?", "form")
    assert told["mcp.elicitation.action"] == "accept"
    assert '"password":"x"' in str(told["mcp.response.text"])


def test_roots_that_a_client_discloses_are_listed(tap: Any) -> None:
    tap.server({"jsonrpc": "2.0", "id": 1, "method": "roots/list"})
    (told,) = tap.client({"jsonrpc": "2.0", "id": 1, "result": {"roots": [{"uri": "file:///home/a"}, 5]}})
    assert told["mcp.roots"] == ["file:///home/a"]


def test_the_level_asked_for_is_that_of_the_request_itself(tap: Any) -> None:
    told = _call(tap, "logging/setLevel", {"level": "critical", "_meta": _META})
    assert told["mcp.log.level"] == "critical"


@pytest.mark.parametrize(
    ("method", "params", "field", "value"),
    [
        ("resources/read", {"uri": "file:///etc/passwd"}, "mcp.resource.uri", "file:///etc/passwd"),
        ("resources/subscribe", {"uri": "a://b"}, "mcp.resource.uri", "a://b"),
        ("prompts/get", {"name": "review"}, "gen_ai.prompt.name", "review"),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "v"}},
            "mcp.completion.value",
            "v",
        ),
        ("tasks/get", {"taskId": "t-1"}, "mcp.task.id", "t-1"),
        (
            "subscriptions/listen",
            {"notifications": {"resourceSubscriptions": ["a://b"]}},
            "mcp.resource.uri",
            "a://b",
        ),
        ("initialize", {"protocolVersion": "2025-06-18"}, "mcp.protocol.version", "2025-06-18"),
    ],
)
def test_each_method_fills_its_fields(tap: Any, method: str, params: object, field: str, value: object) -> None:
    assert _call(tap, method, params)[field] == value


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\nb"),
        ({"content": [{"type": "resource", "resource": {"uri": "u", "text": "embedded"}}]}, "embedded"),
        ({"content": [{"type": "resource_link", "uri": "x://y", "description": "read me"}]}, "read me\nx://y"),
        ({"content": [{"type": "image", "data": "AAAA"}]}, None),
        ({"content": [], "structuredContent": {"answer": "42"}}, '{"answer":"42"}'),
        (
            {"content": [{"type": "text", "text": '{"a": "x\\ny"}'}], "structuredContent": {"a": "x\ny"}},
            '{"a": "x\\ny"}',
        ),
        ({"content": [{"type": "text", "text": "fine"}], "structuredContent": {"a": "hidden"}}, 'fine\n{"a":"hidden"}'),
        ({"contents": [{"uri": "u", "text": "one"}, {"uri": "v", "blob": "AAAA"}]}, "one"),
        (
            {"description": "d", "messages": [{"role": "user", "content": {"type": "text", "text": "m"}}]},
            "d\nm",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "m"}, "n"]}]}, "m\nn"),
        ({"completion": {"values": ["v"]}}, '{"completion":{"values":["v"]}}'),
        ("a bare text", "a bare text"),
        ([1, 2], "[1,2]"),
        ({"resultType": "complete", "ttlMs": 5}, None),
    ],
)
def test_the_text_of_a_result_is_what_its_reader_gets(tap: Any, result: object, said: str | None) -> None:
    assert _call(tap, "tools/call", {"name": "t"}, result).get("mcp.response.text") == said


def test_a_notification_carries_its_words(tap: Any) -> None:
    params = {"level": "info", "logger": "db", "data": {"msg": "reading"}}
    (told,) = tap.server({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
    assert told["mcp.message.type"] == "notification"
    assert told["mcp.message.direction"] == "server_to_client"
    assert (told["mcp.log.level"], told["mcp.log.logger"], told["mcp.log.text"]) == ("info", "db", '{"msg":"reading"}')


def test_typed_arguments_are_made_of_the_arguments_and_the_schema_the_server_listed(tap: Any) -> None:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    tap.listing({"name": "read", "inputSchema": schema})
    _call(tap, "tools/call", {"name": "read", "arguments": {"path": "/a"}})
    assert tap.deriver.given[-1] == ({"path": "/a"}, schema)
    _call(tap, "tools/call", {"name": "unlisted", "arguments": {"path": "/a"}})
    assert tap.deriver.given[-1] == ({"path": "/a"}, None)


@pytest.mark.parametrize(
    "value", [None, 5, "x", [], [[]], {}, True, {"name": 5}, {"uri": []}, {"ref": 1, "argument": 2}]
)
@pytest.mark.parametrize(
    "method", ["tools/call", "resources/read", "prompts/get", "completion/complete", "initialize", "server/discover",
               "tools/list", "sampling/createMessage", "elicitation/create", "logging/setLevel", "roots/list", "x"]
)  # fmt: skip
def test_params_and_results_of_any_type_make_an_event(tap: Any, method: str, value: object) -> None:
    assert _call(tap, method, value, value)["mcp.method.name"] == method


def test_a_version_other_than_two_is_told(tap: Any) -> None:
    (told,) = tap.client({"jsonrpc": "1.0", "method": "x"})
    assert told["jsonrpc.protocol.version"] == "1.0"
    (told,) = tap.client({"method": "x"})
    assert told["jsonrpc.protocol.version"] == "none"
