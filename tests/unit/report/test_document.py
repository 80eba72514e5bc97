import json

import pytest

from mcp_siem.report.document import document_bytes


@pytest.mark.parametrize("indent", [False, True])
def test_what_json_or_utf_8_cannot_hold_is_spelled_or_null(indent: bool) -> None:  # noqa: FBT001 - a parameter of the test
    hostile = {"ref": "e\udcff:1", "k\ud800": (float("nan"), float("inf"), 10**30, b"x", None, True), 5: "ä"}
    text = document_bytes(hostile, indent=indent).decode("utf-8")
    assert "\\ud800" in text
    assert json.loads(text) == {
        "ref": "e\\udcff:1",
        "k\\ud800": [None, None, 10**30, "b'x'", None, True],
        "5": "ä",
    }


def test_plain_documents_stay_on_one_line() -> None:
    assert document_bytes({"a": "\n"}) == b'{"a":"\\n"}'
