"""Random detections over plain and hostile events: the engine and the emitted search find the same.

MCP_SIEM_REFEREE_BATCHES makes the run longer; each batch is 50 rules over 40 events.
"""

import json
import os
import random
import re

import elastic_random
import re2
from opensearch_engine import OpenSearch
from opensearch_pairs import OpenSearchJudge
from referee_cases import case_line

from mcp_siem.convert.anchors import nullable, whole_text
from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.opensearch.bounds import regexps
from mcp_siem_backends.opensearch.trigrams import only_text, sparing

BATCHES = int(os.environ.get("MCP_SIEM_REFEREE_BATCHES", "2"))
PAIRS = 2_000


def test_random_detections_find_the_same_events(opensearch_url: str) -> None:
    tally = OpenSearchJudge(opensearch_url).tally(PAIRS * BATCHES, "20261125")
    assert [case_line(case) for case in tally.kept] == []
    assert tally.refused < tally.pairs // 20
    assert tally.aside == 0


def test_no_pattern_that_we_emit_is_refused(opensearch: OpenSearch) -> None:
    """A pattern that needs too much work makes the whole search fail."""
    choose = random.Random(7)
    opensearch.load(load_taxonomy(default_pack_dir()), [{"a": "x"}])
    emitted = 0
    for _ in range(200 * BATCHES):
        try:
            texts = [
                lucene_regexp(one) for one in regexps(whole_text(parse_regex(elastic_random.pattern(choose))), "x")
            ]
        except (RegexUnsupportedError, RefusedError):
            continue
        emitted += len(texts)
        found = opensearch.search('{"query":{"bool":{}}}', query=_any_of("a.exact", texts))
        assert found["_shards"]["failed"] == 0
    assert emitted > 100


def _any_of(field: str, texts: list[str]) -> object:
    return {"bool": {"should": [{"regexp": {field: {"value": text}}} for text in texts]}}


def test_random_patterns_find_the_same_in_long_texts(opensearch: OpenSearch) -> None:
    """Trigrams of literals are looked up first: whatever is wrong there is never found, without an error."""
    choose = random.Random(20261125)
    taxonomy = load_taxonomy(default_pack_dir())
    texts = [
        "".join(choose.choice([*LETTERS, *"\\\\\\\\..**"]) for _ in range(choose.randint(0, 12))) for _ in range(300)
    ]
    opensearch.load(taxonomy, [{"mcp.request.text": text, "gen_ai.tool.name": text} for text in texts])
    found_some = 0
    for _ in range(100 * BATCHES):
        pattern = "".join(_piece(choose, texts) for _ in range(choose.choice([1, 1, 1, 2, 3])))
        wanted = [at for at, text in enumerate(texts) if re2.search(pattern, text)]
        node = whole_text(parse_regex(pattern))
        for most in (None, 0, 2):
            asked = [lucene_regexp(sparing(one, most)) for one in regexps(node, "x")]
            if only_text(node) is None and not nullable(node):
                assert _found(opensearch, "mcp.request.text", asked) == wanted, (pattern, asked)
            assert _found(opensearch, "gen_ai.tool.name.exact", asked) == wanted, (pattern, asked)
        found_some += bool(wanted)
    assert found_some > 20


def _found(opensearch: OpenSearch, field: str, asked: list[str]) -> list[int]:
    return opensearch.found(json.dumps({"query": _any_of(field, asked)}))


LETTERS = [*"abcABC019 ._-/\\:*?\"'<>()[]{}^$|+~@#&%!=,;`\n", "\xe9", "\xdf", "\u20ac", "\U0001f600", "\U00010400"]


def _piece(choose: random.Random, texts: list[str]) -> str:
    text = choose.choice(texts)
    at = choose.randint(0, len(text))
    if choose.random() < 0.5:
        return re.escape(text[at : at + choose.randint(1, 7)])
    letters = [re.escape(letter) for letter in choose.choices(LETTERS, k=4)]
    low, high = sorted(choose.choices([letter for letter in LETTERS if len(letter) == 1], k=2))
    plain = "".join(letters[: choose.randint(1, 4)])
    forms = [
        plain,
        plain,
        f"[{letters[0]}{letters[1]}]",
        f"[^{letters[0]}{letters[1]}]",
        f"({plain}|{letters[3]})",
        ".",
    ]
    forms += [f"[{re.escape(low)}-{re.escape(high)}{letters[0]}]"]
    return (
        choose.choice(forms) + choose.choice(["", "", "", "", "*", "+", "?", "{2}"])
        if choose.random() < 0.9
        else choose.choice(["^", "$", r"\b"])
    )
