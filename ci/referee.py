"""The engine and the queries that were made of its rules, side by side, where the queries run.

Random rules over random events, N pairs a target, one in ten of a random correlation and an event of a stream: one line `TARGET pairs N, differences D, refused R` each, then the sums.
Exit 10 if there are differences; the first one of each rule is kept in build/referee/, in the form that --cases reads. With
--cases FILE (lines `{"yaml", "event" or "events", "expected"}`) one line `TARGET INDEX fired|missed|refused` a case.

Elasticsearch and OpenSearch are started, or are those of MCP_SIEM_ELASTICSEARCH_URL and MCP_SIEM_OPENSEARCH_URL. Splunk's searches are judged by an interpreter written
from its documentation, and on a real Splunk too where SPLUNK_URL names one (https://user:password@host:8089, or a token in
SPLUNK_TOKEN; SPLUNK_CA names a private CA, SPLUNK_INDEX an index we may write to).
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, runtime_checkable

sys.path.insert(0, str(Path(__file__).parent / "engines"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "referee"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "referee" / "elastic"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "referee" / "opensearch"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "referee" / "spl"))

from elastic_pairs import ElasticJudge
from opensearch_pairs import OpenSearchJudge
from referee_cases import Answer, Case, CaseError, Tally, case_line, read_cases
from running import EngineError, running
from spl_live import LiveJudge, SplunkError
from spl_pairs import SplJudge

from mcp_siem.errors import McpSiemError

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "referee"
ELASTICSEARCH, OPENSEARCH = "MCP_SIEM_ELASTICSEARCH_URL", "MCP_SIEM_OPENSEARCH_URL"
CORRELATED = 10  # of so many pairs one is of a correlation
DIFFERENT, UNAVAILABLE, MISUSED = 10, 5, 2


class Judge(Protocol):
    """One target."""

    name: str

    def tally(self, pairs: int, seed: str) -> Tally:
        """So many random pairs."""

    def answer(self, case: Case) -> Answer:
        """One case."""


@runtime_checkable
class CorrelationJudge(Protocol):
    """A target on which correlations are tried too."""

    def correlations(self, pairs: int, seed: str) -> Tally:
        """So many random pairs of a correlation and an event of a stream."""


def _elastic(stack: ExitStack) -> Judge:
    return ElasticJudge(os.environ.get(ELASTICSEARCH) or stack.enter_context(running("elasticsearch")))


def _opensearch(stack: ExitStack) -> Judge:
    return OpenSearchJudge(os.environ.get(OPENSEARCH) or stack.enter_context(running("opensearch")))


def _live(_stack: ExitStack) -> Judge:
    return LiveJudge(os.environ["SPLUNK_URL"], os.environ)


def _spl(_stack: ExitStack) -> Judge:
    return SplJudge()


TARGETS: dict[str, Callable[[ExitStack], Judge]] = {
    "elastic": _elastic,
    "opensearch": _opensearch,
    "splunk": _spl,
    "splunk-live": _live,
}


def main(arguments: Sequence[str]) -> int:
    """Judges every target that can be had; one that was asked for by name must be."""
    asked = _asked(arguments)
    try:
        cases = read_cases(asked.cases) if asked.cases else None
    except CaseError as fault:
        return _said(str(fault), MISUSED)
    names = asked.target or [name for name in TARGETS if name != "splunk-live" or os.environ.get("SPLUNK_URL")]
    tallies: list[Tally] = []
    different = missing = 0
    for name in names:
        try:
            with ExitStack() as stack:
                judge = TARGETS[name](stack)
                if cases is not None:
                    different += _judge_cases(judge, cases)
                else:
                    tallies.append(_tally(judge, asked.pairs, asked.seed))
                    _report(judge, tallies[-1], asked.seed)
        except (EngineError, SplunkError) as fault:
            missing += 1
            print(f"{name} was not run: {fault}", file=sys.stderr)
    if cases is None:
        print(_line(tallies), flush=True)
    if different or any(tally.differences for tally in tallies):
        return DIFFERENT
    return UNAVAILABLE if missing and asked.target else 0


def _tally(judge: Judge, pairs: int, seed: str) -> Tally:
    correlated = pairs // CORRELATED
    if not correlated or not isinstance(judge, CorrelationJudge):
        return judge.tally(pairs, seed)
    return judge.tally(pairs - correlated, seed).joined(judge.correlations(correlated, seed))


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make referee", description=__doc__)
    parser.add_argument("--pairs", type=_count, default=5_000, help="pairs of a rule and an event, a target")
    parser.add_argument("--seed", default="1", help="the same seed gives the same pairs")
    parser.add_argument("--cases", type=Path, help="judge the cases of this file instead of random ones")
    parser.add_argument("--target", action="append", choices=[*TARGETS], help="only this one, and fail without it")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pairs")
    return int(text)


def _report(judge: Judge, tally: Tally, seed: str) -> None:
    print(f"{judge.name} {_line([tally])}", flush=True)
    if tally.codes:
        codes = ", ".join(f"{code} {count}" for code, count in tally.codes.most_common())
        print(f"{judge.name}: rules refused: {codes}", file=sys.stderr)
    if tally.aside:
        print(f"{judge.name}: {tally.aside} more pairs that a note of their query leaves open", file=sys.stderr)
    if tally.kept:
        KEPT.mkdir(parents=True, exist_ok=True)
        file = KEPT / f"{judge.name}.jsonl"
        file.write_text("".join(f"{case_line(case)}\n" for case in tally.kept), encoding="utf-8")
        again = f"make referee CASES={file.relative_to(ROOT)}"
        print(f"{judge.name}: a difference of each rule of seed {seed} again: {again}", file=sys.stderr)


def _line(tallies: Sequence[Tally]) -> str:
    counted = [sum(getattr(one, name) for one in tallies) for name in ("pairs", "differences", "refused")]
    return "pairs {}, differences {}, refused {}".format(*counted)


def _judge_cases(judge: Judge, cases: Sequence[Case]) -> int:
    """How many cases went otherwise than expected; a refused one did not."""
    different = 0
    for index, case in enumerate(cases):
        try:
            answer = judge.answer(case)
        except McpSiemError as fault:
            answer = Answer(verdict="refused", reason=str(fault))
        print(f"{judge.name} {index} {answer.verdict}", flush=True)
        wrong = case.expected is not None and answer.verdict == ("missed" if case.expected else "fired")
        different += wrong
        if wrong or answer.verdict == "refused":
            words = "not as expected" if wrong else "refused"
            reason = " ".join(answer.reason.split())[:500]
            print(f"{judge.name} {index}: {words}{f': {reason}' if reason else ''}", file=sys.stderr)
    return different


def _said(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
