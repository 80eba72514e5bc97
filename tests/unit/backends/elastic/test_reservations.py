"""Every note of a query has a stable code."""

from mcp_siem.convert.notes import Note
from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.elastic import BACKEND
from mcp_siem_backends.elastic.reservations import BOUNDS, TABLE


def test_no_note_of_the_pack_is_words_alone() -> None:
    target = BACKEND.target()
    answers = [target.query(rule) for rule in load_pack().alerting()]
    notes = {note for answer in answers if isinstance(answer, Query) for note in answer.notes}
    assert notes
    assert [note for note in notes if not isinstance(note, Note)] == []


def test_a_phrase_and_a_code_stand_for_one_reservation() -> None:
    phrases = [phrase for phrase, _ in TABLE]
    assert len({bound.code for bound in BOUNDS}) == len(BOUNDS)
    assert [one for one in phrases if sum(one in other for other in phrases) > 1] == []
