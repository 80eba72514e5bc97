import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.events.reveal import reveal, reveal_text

NEEDLE = "nEEdle-0123456789"


@pytest.mark.parametrize(
    ("hidden", "said_by"),
    [
        (NEEDLE, NEEDLE),
        ("nEE\u200bdle-0123456789", "nEE\u200bdle-0123456789"),
        ("nEEdle\x1b[0m-0123456789", "nEEdle\x1b[0m-0123456789"),
        ("%6eEEdle-01%3223456789"[:3] + "EEdle-0123456789", "%6eEEdle-0123456789"),
        ("nEEdle&#45;0123456789", "nEEdle&#45;0123456789"),
        ("n\uff25Edle-0123456789", "n\uff25Edle-0123456789"),
        ("n\u0415Edle-0123456789", "n\u0415Edle-0123456789"),
        (base64.b64encode(f"x {NEEDLE} y".encode()).decode(), base64.b64encode(f"x {NEEDLE} y".encode()).decode()),
    ],
    ids=ascii,
)
def test_the_way_back_leads_to_what_said_it_and_to_nothing_beside_it(hidden: str, said_by: str) -> None:
    text = f"caf\u00e9 \u200b&amp;%20 {hidden} \u200b&lt;after"
    revealed = reveal(text)
    start = revealed.text.index(NEEDLE)
    first, last = revealed.origin(start, start + len(NEEDLE))
    assert text[first:last] == said_by


@given(st.text())
def test_with_and_without_the_way_back_the_text_is_the_same(text: str) -> None:
    assert reveal(text).text == reveal_text(text)
    assert reveal(text, base64=False).text == reveal_text(text, base64=False)


@given(st.text(st.sampled_from("ab%&#;x4146\u200b\u0430\uff21=QUJD\n")), st.data())
def test_every_way_back_stays_inside_the_text_and_in_order(text: str, data: st.DataObject) -> None:
    revealed = reveal(text)
    start = data.draw(st.integers(0, len(revealed.text)))
    end = data.draw(st.integers(start, len(revealed.text)))
    first, last = revealed.origin(start, end)
    assert 0 <= first <= len(text)
    assert 0 <= last <= len(text)
    if end > start:
        assert first < last
