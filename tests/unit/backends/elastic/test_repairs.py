r"""Where the stock Lucene backend is wrong on our index, and what stands there instead (peers.md 4.1, L1 to L14).

Each row: what it is about, the detection, what the stock backend emits, what we emit.
"""

from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Query, Refusal

REPAIRS = [
    ("L1 case on a keyword", "k: Value", "k:Value", 'k:"value"'),
    ("case folds as the rule does", "k: Straße", "k:Straße", 'k:"strasse"'),
    ("L1 case in a long text", "text|contains: Ab", "text:*Ab*", "text:/.*[Aa][Bb].*/"),
    ("a long text without case needs no pattern", "text|contains: '../'", r"text:*..\/*", r"text:*..\/*"),
    (
        "the pattern for a twin is folded",
        "text_folded|contains: \uff29GNORE",
        "text_folded:*\uff29GNORE*",
        "text_folded:*ignore*",
    ),
    ("one character may fold to two", "text: ss", "text:ss", "text:/[ßẞ]|[Ss\u017f][Ss\u017f]/"),
    ("L2 a value with blanks is one term", "k: foo bar", 'k:"foo bar"', 'k:"foo bar"'),
    ("L3 anchors are none in Lucene", "k|re: ^foo$", "k:/^foo$/", "k.exact:/foo/"),
    ("L3 a pattern is searched", "k|re: foo", "k:/foo/", "k.exact:/.*foo.*/"),
    ("L3 classes are written out", r"k|re: \d", r"k:/\d/", "k.exact:/.*[0-9].*/"),
    ("word boundaries", r"k|re: \bfoo", r"k:/\bfoo/", "k.exact:/(.*[^0-9A-Z_a-z])?foo.*/"),
    ("a dot stops at a line break", "k|re: a.b", "k:/a.b/", "k.exact:/.*a[^\n]b.*/"),
    ("L4 inline flags are text", "k|re|i: foo", "k:/(?i)foo/", "k.exact:/.*[Ff][Oo][Oo].*/"),
    ("L5 operators of Lucene's patterns", "k|re: 'a@b&<c>~#\"'", 'k:/a@b&<c>~#"/', r"k.exact:/.*a\@b\&\<c\>\~\#\".*/"),
    ("a backslash before the end swallows the slash", r"k|re: a\\", r"k:/a\\/", r"k.exact:/.*a[\\].*/"),
    ("counted gaps keep their automaton small", "k|re: a.{0,9}b", "k:/a.{0,9}b/", "k.exact:/.*a([^\n]?){9}b.*/"),
    ("L6 names with special characters", "a/b{}:c d: x", r"a/b{}:c\ d:x", r'a\/b\{\}\:c\ d:"x"'),
    ("L7 networks on an address", "ip|cidr: 10.0.0.0/8", r"ip:10.0.0.0\/8", 'ip:"10.0.0.0/8"'),
    ("L7 networks of IPv6", "ip|cidr: 2001:db8::/32", r"ip:2001\:db8\:\:\/32", 'ip:"2001:db8::/32"'),
    ("addresses as texts", "ip|startswith: '10.'", "ip:10.*", "ip.caseless:10.*"),
    ("L8 an order of numbers", "n|gte: 5", "n:>=5", 'n:["5" TO *]'),
    ("an order below zero", "n|lt: -5", "n:<-5", 'n:[* TO "-5"}'),
    ("a negative number", "n: -5", "n:-5", 'n:"-5"'),
    ("a number may come as text", "n: '5'", "n:5", 'n.caseless:"5" OR n:"5"'),
    ("L9 < and > cannot be escaped", "k: <b", r"k:\<b", 'k:"<b"'),
    ("L9 a term that starts with < is a range", "k|startswith: <b", r"k:\<b*", r"k:/\<b.*/"),
    ("L9 inside a term they are plain", "k|contains: <b", r"k:*\<b*", "k:*<b*"),
    ("a word of the grammar", "k: OR", "k:OR", 'k:"or"'),
    ("a value that is a wildcard", r"k: \*", r"k:\*", 'k:"*"'),
    ("quotes and backslashes", 'k: a"b\\\\c', r"k:a\"b\\c", r'k:"a\"b\\c"'),
    ("a line break in a term", 'k|contains: "a\\nb"', "k:*a\nb*", "k:*a\\\nb*"),
    ("L11 cased", "k|contains|cased: Foo", None, "k.exact:*Foo*"),
    ("cased on a long text", "text|cased: Foo", None, 'text:"Foo"'),
    ("booleans whatever their spelling", "b: true", "b:true", 'b.caseless:"true"'),
    ("any value", "k: '*'", "k:*", "_exists_:k"),
    ("null", "k: null", "NOT _exists_:k", "NOT _exists_:k"),
    ("a malformed value is a value", "ip: null", "NOT _exists_:ip", "NOT _exists_:ip.caseless"),
    ("a list is folded", "k: [A, b*]", "k:(A OR b*)", 'k:("a" OR b*)'),
    ("neq", "k|neq: a", "NOT k:a", 'NOT k:"a"'),
]
CONDITIONS = [
    (
        "OR NOT needs parentheses, Lucene reads it as AND NOT",
        "a: {k: x}\nb: {k: y}\ncondition: a or not b",
        "k:x OR (NOT k:y)",
        'k:"x" OR (NOT k:"y")',
    ),
    (
        "null in an OR",
        "a: {k: x}\nb: {n: null}\ncondition: a or b",
        "k:x OR (NOT _exists_:n)",
        'k:"x" OR (NOT _exists_:n.caseless)',
    ),
    (
        "AND binds no closer than OR",
        "a: {k: x}\nb: {k: y}\nc: {n: 1}\ncondition: a or b and c",
        "k:x OR (k:y AND n:1)",
        'k:"x" OR (k:"y" AND n:"1")',
    ),
    (
        "not of a not",
        "a: {k: x}\nb: {k|neq: x}\ncondition: not b",
        "NOT (NOT k:x)",
        'k:"x"',
    ),
    (
        "values of one field stand together",
        "a: {k: x}\nb: {k: y}\nc: {n: 1}\ncondition: 1 of them",
        "k:x OR k:y OR n:1",
        'k:("x" OR "y") OR n:"1"',
    ),
]


@pytest.mark.parametrize(
    ("about", "text", "wrong", "right"), [*REPAIRS, *CONDITIONS], ids=lambda value: str(value)[:40]
)
def test_the_query_means_the_rule(
    ours: Callable[[str], Query | Refusal],
    stock: Callable[[str], str],
    about: str,
    text: str,
    wrong: str | None,
    right: str,
) -> None:
    if wrong is None:
        with pytest.raises(NotImplementedError):
            stock(text)
    else:
        assert stock(text) == wrong, about
    answer = ours(text)
    assert isinstance(answer, Query), answer
    assert answer.text == right


NOTES = [
    ("k|exists: true", "null and an empty list count as absent"),
    ("- needle", "searched in every field"),
    ("labels.team: red", "a script reads its values"),
    ("k: 5", "this spelling of the number only"),
    ("free|cidr: 10.0.0.0/8", "only dotted IPv4"),
    ("text: a?c", "one character as written"),
]


@pytest.mark.parametrize(("text", "says"), NOTES)
def test_where_the_query_is_approximate_it_says_so(
    ours: Callable[[str], Query | Refusal], text: str, says: str
) -> None:
    answer = ours(text)
    assert isinstance(answer, Query)
    assert says in " ".join(answer.notes)


def test_a_query_without_approximation_has_no_note(ours: Callable[[str], Query | Refusal]) -> None:
    answer = ours("k|contains: [a, b]\nn|gt: 5\nip|cidr: 10.0.0.0/8")
    assert isinstance(answer, Query)
    assert answer.notes == ()


def test_the_same_rule_gives_the_same_bytes(ours: Callable[[str], Query | Refusal]) -> None:
    text = "k: [b, a, b]\ntext|contains: Password"
    assert ours(text) == ours(text)


def test_a_value_with_every_special_character_is_one_exact_term(ours: Callable[[str], Query | Refusal]) -> None:
    answer = ours("k: '+-=&|!(){}[]^~:/<> %'")
    assert isinstance(answer, Query)
    assert answer.text == 'k:"+-=&|!(){}[]^~:/<> %"'
