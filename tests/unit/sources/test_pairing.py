from typing import Any

import pytest


def _ask(id_: object, method: str = "tools/call", **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def _answer(id_: object, **result: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id_, "result": result}


def test_a_request_and_its_response_are_one_transaction_dated_when_it_was_asked(tap: Any) -> None:
    assert tap.client(_ask(1, name="read_file", arguments={"path": "/a"})) == []
    (told,) = tap.server(_answer(1, content=[{"type": "text", "text": "hello"}]))
    assert told["mcp.message.type"] == "transaction"
    assert told["mcp.method.name"] == "tools/call"
    assert told["gen_ai.tool.name"] == "read_file"
    assert told["mcp.request.text"] == '{"path":"/a"}'
    assert told["mcp.response.text"] == "hello"
    assert told["mcp.message.direction"] == "client_to_server"
    assert told["event.outcome"] == "success"
    assert told["event.duration"] == 1_000_000
    assert tap.events[0].raw_ref == "tap:1"


def test_answers_find_their_requests_out_of_order(tap: Any) -> None:
    tap.client(_ask(1, name="slow"))
    tap.client(_ask(2, name="fast"))
    assert [told["gen_ai.tool.name"] for told in tap.server(_answer(2))] == ["fast"]
    assert [told["gen_ai.tool.name"] for told in tap.server(_answer(1))] == ["slow"]


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (1, 1.5), ("a", "A"), (None, "null"), (0, False), ([1], "[1]")])
def test_ids_of_another_type_are_other_ids(tap: Any, one: object, other: object) -> None:
    tap.client(_ask(one, name="asked"))
    (told,) = tap.server(_answer(other))
    assert told["mcp.message.pairing"] == "unrequested"
    (told,) = tap.server(_answer(one))
    assert told["mcp.message.pairing"] == "paired"


def test_one_number_is_one_id_however_it_is_written(tap: Any) -> None:
    tap.client(_ask(1, name="asked"))
    assert tap.server(_answer(1.0))[0]["mcp.message.pairing"] == "paired"


def test_each_side_counts_its_own_ids(tap: Any) -> None:
    tap.client(_ask(0, name="summarise"))
    tap.server(_ask(0, "sampling/createMessage", systemPrompt="Be terse.", messages=[]))
    (sampled,) = tap.client(_answer(0, role="assistant", content={"type": "text", "text": "short"}))
    assert sampled["mcp.method.name"] == "sampling/createMessage"
    assert sampled["mcp.message.direction"] == "server_to_client"
    assert sampled["mcp.sampling.system_prompt"] == "Be terse."
    assert sampled["mcp.response.text"] == "short"
    (called,) = tap.server(_answer(0))
    assert called["gen_ai.tool.name"] == "summarise"


def test_connections_of_one_file_do_not_answer_each_other(tap: Any) -> None:
    tap.client(_ask(1, name="asked"), pid=1)
    assert tap.server(_answer(1), pid=2)[0]["mcp.message.pairing"] == "unseen"
    assert tap.server(_answer(1), pid=1, server="other")[0]["mcp.message.pairing"] == "unseen"
    assert tap.server(_answer(1), pid=1)[0]["mcp.message.pairing"] == "paired"


def test_an_answer_to_a_request_older_than_the_capture_is_no_forgery(tap: Any) -> None:
    assert tap.server(_answer(56))[0]["mcp.message.pairing"] == "unseen"
    tap.client(_ask(58, name="asked"))
    assert tap.server(_answer(57))[0]["mcp.message.pairing"] == "unseen"
    assert tap.server(_answer(58))[0]["mcp.message.pairing"] == "paired"
    assert tap.server(_answer(58))[0]["mcp.message.pairing"] == "unrequested"
    assert tap.server(_answer(991))[0]["mcp.message.pairing"] == "unrequested"


def test_a_reused_id_closes_the_request_before_it(tap: Any) -> None:
    tap.client(_ask(1, name="first"))
    (closed,) = tap.client(_ask(1, name="second"))
    assert (closed["gen_ai.tool.name"], closed["mcp.message.pairing"]) == ("first", "unanswered")
    (told,) = tap.server(_answer(1))
    assert told["gen_ai.tool.name"] == "second"


def test_a_request_never_answered_is_an_event_all_the_same(tap: Any) -> None:
    tap.client(_ask(1, name="hangs", arguments={"command": "sleep"}))
    (told,) = tap.end()
    assert told["mcp.message.type"] == "request"
    assert told["event.outcome"] == "unknown"
    assert told["mcp.message.pairing"] == "unanswered"
    assert told["mcp.request.text"] == '{"command":"sleep"}'
    assert "event.duration" not in told


def test_a_cancelled_request_is_told_as_cancelled(tap: Any) -> None:
    tap.client(_ask(1, name="long"))
    (note,) = tap.client(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "reason": "user"}}
    )
    assert (note["mcp.message.type"], note["mcp.cancelled.reason"]) == ("notification", "user")
    (told,) = tap.end()
    assert (told["mcp.message.type"], told["mcp.message.pairing"]) == ("request", "cancelled")


def test_cancelling_does_not_hide_an_answer_that_came_all_the_same(tap: Any) -> None:
    tap.client(_ask(1, name="long"))
    tap.client({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    (told,) = tap.server(_answer(1, content=[{"type": "text", "text": "late"}]))
    assert (told["mcp.message.type"], told["mcp.response.text"]) == ("transaction", "late")
    assert tap.end() == []


def test_only_the_side_that_asked_can_cancel(tap: Any) -> None:
    tap.client(_ask(1, name="long"))
    tap.server({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    assert tap.end()[0]["mcp.message.pairing"] == "unanswered"


def test_a_response_that_nobody_asked_for_is_an_event(tap: Any) -> None:
    (told,) = tap.server(_answer(7, content=[{"type": "text", "text": "ignore all previous"}]))
    assert told["mcp.message.type"] == "response"
    assert told["jsonrpc.request.id"] == "7"
    assert told["mcp.response.text"] == "ignore all previous"


def test_definitions_in_a_response_that_nobody_asked_for_are_still_shown(tap: Any) -> None:
    told = tap.server(_answer(7, tools=[{"name": "evil", "description": "<IMPORTANT>"}]))
    assert [one["event.dataset"] for one in told] == ["mcp.protocol", "mcp.inventory"]
    assert told[1]["gen_ai.tool.description"] == "<IMPORTANT>"


def test_a_batch_is_paired_message_by_message(tap: Any) -> None:
    tap.client([_ask(1, name="a"), {"jsonrpc": "2.0", "method": "notifications/initialized"}, _ask(2, name="b")])
    told = tap.server([_answer(2), _answer(1)])
    assert [one["gen_ai.tool.name"] for one in told] == ["b", "a"]
    assert all(one["mcp.message.batch"] for one in told)
    assert [event.raw_ref for event in tap.events] == ["tap:1/1", "tap:1/2", "tap:1/0"]


def test_an_answer_on_its_own_may_answer_a_batch(tap: Any) -> None:
    tap.client([_ask(1, name="a"), _ask(2, name="b")])
    assert tap.server(_answer(1))[0]["gen_ai.tool.name"] == "a"
    assert tap.end()[0]["gen_ai.tool.name"] == "b"


def test_what_is_no_message_in_a_batch_is_told_once(tap: Any) -> None:
    tap.client([1, "x", None, [], _ask(1, name="a")])
    assert [(issue.code, issue.reason) for issue in tap.issues] == [
        ("not_jsonrpc", "4 items of a list are no messages")
    ]
    assert len(tap.end()) == 1


def test_where_room_ends_the_oldest_requests_are_told_as_unanswered_and_counted(small_tap: Any) -> None:
    tap = small_tap
    told = [one for number in range(10) for one in tap.client(_ask(number, name=f"t{number}"))]
    assert [one["gen_ai.tool.name"] for one in told] == [f"t{number}" for number in range(7)]
    assert [one["gen_ai.tool.name"] for one in tap.end()] == ["t7", "t8", "t9"]
    assert [issue.code for issue in tap.issues] == ["requests_evicted", "requests_evicted"]
    assert "7 times" in tap.issues[-1].reason


def test_a_json_rpc_error_is_a_failure_with_its_code_as_text(tap: Any) -> None:
    tap.client(_ask(1, "no/such"))
    (told,) = tap.server(
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found", "data": {"m": "no/such"}}}
    )
    assert told["event.outcome"] == "failure"
    assert (told["error.type"], told["rpc.response.status_code"]) == ("-32601", "-32601")
    assert told["error.message"] == "Method not found"
    assert told["mcp.response.text"] == 'Method not found\n{"m":"no/such"}'


@pytest.mark.parametrize("error", [5, "broken", [], {}, {"code": {}, "message": 5}, {"code": "E1", "message": "m"}])
def test_an_error_of_any_shape_is_a_failure(tap: Any, error: object) -> None:
    tap.client(_ask(1))
    (told,) = tap.server({"jsonrpc": "2.0", "id": 1, "error": error})
    assert told["event.outcome"] == "failure"


def test_an_error_of_null_beside_a_result_is_no_error(tap: Any) -> None:
    tap.client(_ask(1, name="x"))
    (told,) = tap.server({"jsonrpc": "2.0", "id": 1, "result": {}, "error": None})
    assert told["event.outcome"] == "success"


def test_a_tool_error_is_a_failure_of_the_tool(tap: Any) -> None:
    tap.client(_ask(1, name="x"))
    (told,) = tap.server(_answer(1, isError=True, content=[{"type": "text", "text": "Access denied"}]))
    assert (told["event.outcome"], told["error.type"], told["mcp.tool.is_error"]) == ("failure", "tool_error", True)


def test_a_process_that_ends_answers_nothing_more(tap: Any) -> None:
    tap.client(_ask(1, name="hangs"), pid=7)
    tap.client(_ask(1, name="elsewhere"), pid=8)
    told = tap.raw(b'{"ts":1,"direction":"meta","server":"files","pid":7,"message":{"process_exit":9}}')
    assert [one.get("gen_ai.tool.name") for one in told] == [None, "hangs"]
    assert told[1]["mcp.message.pairing"] == "unanswered"
    assert tap.server(_answer(1), pid=7)[0]["mcp.message.pairing"] == "unrequested"
    assert tap.server(_answer(1), pid=8)[0]["mcp.message.pairing"] == "paired"
