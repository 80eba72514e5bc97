"""Rules as others write them: each becomes a query or is refused with a code, none is a crash.

The rules here are our own, in the shapes of public rule sets. MCP_SIEM_FOREIGN_RULES names a folder of more, such as a
checkout of SigmaHQ/sigma.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.errors import PackError
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.elastic import BACKEND

Answer = Callable[[str], Query | Refusal]

SHAPES = {
    "numbers and lists": "sel:\n  EventID: [4624, 4625]\n  LogonType: 3\ncondition: sel",
    "lists of maps": "sel:\n  - Image|endswith: '\\\\cmd.exe'\n  - OriginalFileName: Cmd.Exe\ncondition: sel",
    "windash": "sel:\n  CommandLine|contains|windash: ' -enc '\ncondition: sel",
    "all of values": "sel:\n  CommandLine|contains|all: [' /c ', '|', \"'\"]\ncondition: sel",
    "filters": "sel:\n  Image: '*\\\\a.exe'\nfilter_main_x:\n  User|contains: ['AUTHORI', 'AUTORI']\nfilter_optional_y:\n  ParentImage: null\ncondition: sel and not 1 of filter_main_* and not 1 of filter_optional_*",
    "networks": "sel:\n  DestinationIp|cidr: ['10.0.0.0/8', 'fc00::/7']\ncondition: not sel",
    "patterns": "sel:\n  CommandLine|re: '(?i)(fsutil\\s+usn|wevtutil\\s+cl)\\b'\ncondition: sel",
    "keywords": "kw:\n  - 'rm *bash_history'\n  - 'echo \"\" > *bash_history'\ncondition: kw",
    "keywords, all": "kw:\n  '|all':\n    - 'mimikatz'\n    - 'sekurlsa::'\ncondition: kw",
    "encodings": "sel:\n  CommandLine|wide|base64offset|contains: 'Invoke-'\ncondition: sel",
    "two fields": "sel:\n  TargetUserName|fieldref: SubjectUserName\ncondition: not sel",
    "presence": "sel:\n  Hashes|exists: true\n  Company|exists: false\ncondition: all of them",
    "comparisons": "sel:\n  sc-bytes|gt: 500000\n  cs-method: [POST, PUT]\ncondition: sel",
    "odd names": "sel:\n  c-useragent: ''\n  cs(Cookie)|contains: 'a/b'\n  'properties.message ': x\ncondition: sel",
    "hours": "sel:\n  '@timestamp|hour|lt': 6\ncondition: sel",
    "look-ahead": "sel:\n  CommandLine|re: '^(?!.*x)a'\ncondition: sel",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_a_rule_of_others_is_a_query_or_refused_with_a_code(ours: Answer, text: str) -> None:
    answer = ours(text)
    if isinstance(answer, Refusal):
        assert re.fullmatch(r"ELASTIC-[A-Z-]+", answer.code)
        assert "(?!" in text, answer
    else:
        assert answer.text


@pytest.mark.skipif(
    "MCP_SIEM_FOREIGN_RULES" not in os.environ, reason="MCP_SIEM_FOREIGN_RULES names no folder of rules"
)
def test_no_rule_of_a_folder_of_others_is_a_crash() -> None:
    target = BACKEND.target()
    files = sorted(Path(os.environ["MCP_SIEM_FOREIGN_RULES"]).rglob("*.yml"))
    converted = 0
    for file in files:
        try:
            rules = load_pack([file]).alerting()
        except PackError:
            continue  # says where and why: such files are not Sigma
        converted += sum(isinstance(target.query(rule), Query) for rule in rules)
    assert converted > len(files) * 0.9
