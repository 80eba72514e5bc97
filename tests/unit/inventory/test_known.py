from mcp_siem.inventory.known import Item, KnownItems, definition_hash


def _item(name: str, description: str = "d", space: str = "s") -> Item:
    return Item(space=space, kind="tool", name=name, definition={"name": name, "description": description})


def test_a_definition_seen_first_has_no_earlier_one() -> None:
    known = KnownItems()
    facts, before = known.observe(_item("a"))
    assert before is None
    assert facts.hash == definition_hash({"description": "d", "name": "a"})


def test_the_hash_depends_on_content_and_not_on_the_order_of_keys() -> None:
    one = {"name": "a", "inputSchema": {"x": 1, "y": 2}}
    assert definition_hash(one) == definition_hash({"inputSchema": {"y": 2, "x": 1}, "name": "a", "_meta": {}})
    assert definition_hash(one) != definition_hash({**one, "title": None})


def test_no_more_is_remembered_than_the_limit_and_the_rest_is_counted() -> None:
    known = KnownItems(max_items=3)
    for number in range(10):
        known.observe(_item(str(number)))
    assert (len(known), known.forgotten) == (3, 7)
    assert known.tool("s", "9") is not None
    assert known.tool("s", "0") is None


def test_no_more_bytes_are_remembered_than_the_limit() -> None:
    known = KnownItems(max_weight=2_000)
    for number in range(10):
        known.observe(_item(str(number), "x" * 1_000))
    assert len(known) == 1
    known.observe(_item("huge", "x" * 10_000))
    assert len(known) == 1
