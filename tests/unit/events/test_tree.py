import math

import orjson
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.events.tree import MAX_DEPTH, plain_tree


def shout(name: str, text: str) -> str:
    return f"{name}:{text.upper()}" if name else text.upper()


def test_every_text_is_replaced_with_the_name_it_belongs_to() -> None:
    value = {"a": ["x", {"b": "y"}, ["z"]], "n": None, "i": 1}
    assert plain_tree(value, shout) == {"A": ["a:X", {"B": "b:Y"}, ["a:Z"]], "N": None, "I": 1}
    assert plain_tree("x", shout) == "X"


def test_what_no_json_writer_takes_becomes_something_it_takes() -> None:
    odd = {1: 10**30, None: math.inf, "b": b"x", ("t",): {3}, "t": (1, 2)}
    plain = plain_tree(odd, lambda _, text: text)
    assert plain == {"1": hex(10**30), "None": math.inf, "b": "<bytes>", "<tuple>": "<set>", "t": [1, 2]}
    assert orjson.dumps(plain)


def test_what_lies_too_deep_is_left_out_and_its_place_kept() -> None:
    value: object = "core"
    for _ in range(10_000):
        value = {"a": [value]}
    plain = plain_tree(value, lambda _, text: text)
    assert orjson.dumps(plain).count(b"a") == MAX_DEPTH / 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_plain_data_is_copied_as_it_is(value: object) -> None:
    assert plain_tree(value, lambda _, text: text) == value
