"""Where a search is approximate, or exact only within a limit of Splunk: one table of stable codes."""

from mcp_siem.convert.notes import Bound, Note

__all__ = ["BOUNDS", "note"]

BOUNDS: dict[str, Bound] = {
    bound.code: bound
    for bound in (
        Bound(
            code="SPLUNK-NOTE-TRUNCATED",
            kind="bounded",
            reason="Splunk cuts events at TRUNCATE (10,000 bytes) and extracts fields from the first 10,240 characters ([kv] maxchars)",
            until="raise both for this source type, or padding hides what follows",
        ),
        Bound(
            code="SPLUNK-NOTE-PCRE",
            kind="bounded",
            reason="Splunk runs regular expressions in PCRE, which gives up silently at its match limit",
            until="a text can be written to reach it where the pattern repeats repetitions",
        ),
        Bound(
            code="SPLUNK-NOTE-KEYWORD-RAW",
            kind="approximate",
            reason="keywords are searched in the raw event, so the name of a field is found as well",
            until="nothing is missed; an event is extra only if its field names hold the keyword",
        ),
        Bound(
            code="SPLUNK-NOTE-NUMBER-TEXT",
            kind="approximate",
            reason="numbers and texts look alike in Splunk, so a text that spells a number is found in both spellings",
            until="an event is extra only if it holds the same number in its shortest spelling",
        ),
        Bound(
            code="SPLUNK-NOTE-SPELLINGS",
            kind="approximate",
            reason="a letter that folds to several is taken as written where a pattern could be spelled in too many ways",
            until="only values with one of the 104 letters such as the sharp s and ligatures differ",
        ),
        Bound(
            code="SPLUNK-NOTE-FIELDREF-CASE",
            kind="approximate",
            reason="two fields are compared in lower case; a letter that folds to several counts as written",
            until="only values with one of the 104 letters such as the sharp s and ligatures differ",
        ),
        Bound(
            code="SPLUNK-NOTE-NULL",
            kind="approximate",
            reason="a field whose value was null is absent in Splunk, so `exists` does not see it",
            until="only events with an explicit null in this field differ",
        ),
        Bound(
            code="SPLUNK-NOTE-STREAM-WINDOW",
            kind="bounded",
            reason="streamstats looks back over at most 10,000 events (max_stream_window), mvexpand over 500 MB",
            until="beyond that a window is cut silently",
        ),
        Bound(
            code="SPLUNK-NOTE-INSTANT",
            kind="approximate",
            reason="events of one instant are taken together, so below a threshold or under `not` the answer is approximate",
            until="only windows with two events of one microsecond differ",
        ),
        Bound(
            code="SPLUNK-NOTE-INSTANT-ORDER",
            kind="approximate",
            reason="events of one instant enter the window in the order of the index, not of their lines",
            until="only windows with two events of one microsecond differ",
        ),
        Bound(
            code="SPLUNK-NOTE-INSTANT-RULES",
            kind="approximate",
            reason="events of one instant count in the order of the rules, not of their lines",
            until="only windows with two events of one microsecond differ",
        ),
        Bound(
            code="SPLUNK-NOTE-DOUBLES",
            kind="approximate",
            reason="Splunk reckons in doubles: sums of fractions may differ in their last digits",
            until="sums of whole numbers below 2^53 are exact",
        ),
    )
}


def note(code: str) -> Note:
    """The note of a query; `code` is a key of BOUNDS."""
    return Note(BOUNDS[code])
