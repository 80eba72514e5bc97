"""Rules on the fields that Splunk extracts from raw JSON-RPC (`mcp:jsonrpc`, KV_MODE=json): dots, braces, absence.

Knowledge Manager Manual, "Automatic key-value field extraction": `params.arguments.path`, `result.content{}.text`.
"""

from collections.abc import Mapping

import pytest
import yaml
from spl_dialect import all_dialects
from spl_judge import rule_id, rule_of, search_matches, search_text, small_taxonomy
from spl_rows import extracted_row

CALL = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {
        "name": "read_file",
        "arguments": {
            "path": "C:\\Users\\x\\.ssh\\id_rsa",
            "lines": [1, 20],
            "deep": {"x-y": "a?b", "empty": "", "gone": None},
        },
    },
}
RESULT = {
    "jsonrpc": "2.0",
    "id": 7,
    "result": {"content": [{"type": "text", "text": "one *"}, {"type": "text", "text": "Two"}], "isError": False},
}
ROWS = [
    extracted_row(event, sourcetype="mcp:jsonrpc", mark=mark) for mark, event in (("call", CALL), ("result", RESULT))
]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({"params.name": "READ_FILE"}, {"call"}),
        ({"params.arguments.path|endswith": "\\.ssh\\id_rsa"}, {"call"}),
        ({"params.arguments.path|contains": "\\\\Users\\\\*\\\\.ssh"}, {"call"}),
        ({"params.arguments.lines{}": 20}, {"call"}),
        ({"params.arguments.lines{}|gte": 10}, {"call"}),
        ({"params.arguments.deep.x-y": "a\\?b"}, {"call"}),
        ({"params.arguments.deep.x-y": "a?b"}, {"call"}),
        ({"params.arguments.deep.x-y|re": "^a.b$"}, {"call"}),
        ({"params.arguments.deep.empty": ""}, {"call"}),
        ({"params.arguments.deep.empty": None}, {"result"}),
        ({"params.arguments.deep.gone": None}, {"call", "result"}),
        ({"params.arguments.deep.gone|exists": False}, {"call", "result"}),
        ({"result.content{}.text|endswith": "\\*"}, {"result"}),
        ({"result.content{}.text": "two"}, {"result"}),
        ({"result.content{}.text|cased": "two"}, set()),
        ({"result.content{}.text|re": "^T"}, {"result"}),
        ({"result.isError": False}, {"result"}),
        ({"id": 7}, {"call", "result"}),
        (["ssh\\\\id_rsa"], {"call"}),
    ],
    ids=lambda one: ", ".join(sorted(one)) if isinstance(one, set) else str(one),
)
def test_a_rule_on_raw_json_finds_its_events(selection: Mapping[str, object] | list[str], found: set[str]) -> None:
    rule = {
        "title": "raw", "id": rule_id("raw"), "status": "test", "level": "high",
        "logsource": {"category": "application", "product": "mcp_raw"}, "detection": {"s": selection, "condition": "s"},
    }  # fmt: skip
    text = search_text(rule_of(yaml.safe_dump(rule, sort_keys=False)), small_taxonomy())
    assert text.startswith("`mcp_siem_endpoint_index`")
    for dialect in all_dialects():
        assert search_matches(text, ROWS, dialect) == found, (text, dialect)
