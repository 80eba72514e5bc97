from mcp_siem.events.event import Event, flatten


def test_nested_flat_and_listed_objects_become_dotted_keys() -> None:
    data = {"a": {"b": 1, "c": [1, 2]}, "a.d": None, "o": [{"k": 1}, {"k": [2, 3], "m": "x"}, 4]}
    assert flatten(data) == {"a.b": 1, "a.c": [1, 2], "a.d": None, "o.k": [1, 2, 3], "o.m": "x", "o": 4}


def test_a_name_given_nested_and_flat_keeps_both_values() -> None:
    assert flatten({"a.b": 1, "a": {"b": 2}}) == {"a.b": [1, 2]}


def test_an_event_nested_five_thousand_levels_deep_is_flattened() -> None:
    deep: object = "leaf"
    for _ in range(5_000):
        deep = {"k": [deep]}
    ((name, value),) = Event(data={"x": deep}).flat().items()
    assert (name.count(".k"), value) == (5_000, ["leaf"])
