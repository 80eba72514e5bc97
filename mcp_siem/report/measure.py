"""What `measure` found, as text, JSON and Markdown."""

import html
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.prove.corpus import KINDS
from mcp_siem.prove.limits import Standing
from mcp_siem.prove.measure import LEVELS, Flag, Judged, Measured
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, cut, safe

__all__ = ["MEASURE_FORMATS", "MeasureReport", "render_measure"]

_LONGEST = 120
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureReport:
    """Corpora with their verdicts, judged at a level and above. `off` names the rules that did not run."""

    measured: Sequence[Measured]
    standings: Sequence[Standing]
    level: str
    rules: int
    off: Sequence[str] = ()

    @property
    def broken(self) -> Sequence[Standing]:
        """The limits that do not hold."""
        return [one for one in self.standings if not one.kept]

    def flagged(self, one: Measured) -> Sequence[Judged]:
        """The benign units with an alert at the level."""
        return [judged for judged in one.benign if judged.at(self.level)]

    def missed(self, one: Measured) -> Sequence[Judged]:
        """The attacks without one."""
        return [judged for judged in one.attacks if not judged.at(self.level)]

    def reason(self, judged: Judged) -> str:
        """Why an attack was missed, as far as that can be said without knowing it."""
        if judged.twin is not None:
            return f"undetectable: equal to the benign call at {judged.twin} to the byte"
        if judged.flags:
            seen = sorted({f"{flag.stem} ({flag.level})" for flag in judged.flags})
            return f"seen below {self.level}: {', '.join(seen)}"
        return "no rule holds"

    def by_rule(self) -> Mapping[str, Sequence[tuple[Measured, Judged, Flag]]]:
        """Per rule, the units that it flagged at any level, each once."""
        found: dict[str, list[tuple[Measured, Judged, Flag]]] = {}
        for one in self.measured:
            for judged in one.judged:
                for stem, flag in {flag.stem: flag for flag in judged.flags}.items():
                    found.setdefault(stem, []).append((one, judged, flag))
        return dict(sorted(found.items()))


def render_measure(report: MeasureReport, form: str, style: Style) -> str:
    """The report in one of MEASURE_FORMATS, ending with a line end."""
    return MEASURE_FORMATS[form](report, style)


def _share(count: int, units: int) -> str:
    return f"{100 * count / units:.2f} %" if units else "-"


def _text(report: MeasureReport, style: Style) -> str:
    lines = [line for one in report.measured for line in (*_corpus_lines(report, one, style), "")]
    lines += [f"{'rule':<62}{'level':<15}{'caught':>7}{'false':>7}"]
    for stem, caught, false, level in _rule_rows(report):
        lines.append(f"{safe(stem):<62}{style.paint(f'{level:<15}', level)}{caught:>7}{false:>7}")
    lines += ["", *(_standing_line(one, style) for one in report.standings)]
    return "\n".join(lines) + "\n"


def _corpus_lines(report: MeasureReport, one: Measured, style: Style) -> Iterator[str]:
    yield style.paint(safe(one.corpus.name), "bold") + f": {one.corpus.shape}, {one.events} events"
    flagged = report.flagged(one)
    if one.benign:
        levels = _levels_said(one.benign)
        yield f"  benign: {len(flagged)} of {_counted(one)} flagged at {report.level} and above; {levels}"
    for (label, name), units in one.by_class().items():
        yield f"  {safe(f'{label} {name}'.rstrip())}: {_caught_said(report, units)}"
    yield from _examples(f"flagged, {'false' if flagged else ''}", flagged, lambda judged: _offence(report, judged))
    yield from _examples("missed", report.missed(one), lambda judged: f"{judged.unit.label}: {report.reason(judged)}")


def _counted(one: Measured) -> str:
    kinds = Counter(KINDS[judged.unit.kind] for judged in one.benign)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def _levels_said(units: Sequence[Judged]) -> str:
    counted = Counter(judged.level for judged in units)
    said = [f"{counted[level]} {level}" for level in reversed(LEVELS) if counted[level]]
    return f"by highest level: {', '.join(said)}" if said else "no alert at all"


def _caught_said(report: MeasureReport, units: Sequence[Judged]) -> str:
    caught = sum(bool(judged.at(report.level)) for judged in units)
    twins = sum(judged.twin is not None and not judged.at(report.level) for judged in units)
    lost = f", {twins} undetectable" if twins else ""
    return f"{caught} of {len(units)} caught ({_share(caught, len(units))}){lost}"


def _examples(title: str, units: Sequence[Judged], said: Callable[[Judged], str]) -> Iterator[str]:
    if not units:
        return
    yield f"  {title.removesuffix(', ')}:"
    for judged in units[:_SHOWN]:
        about = f" [{safe(cut(judged.unit.about, _LONGEST))}]" if judged.unit.about else ""
        yield f"    {safe(judged.unit.ref)}: {safe(said(judged))}{about}"
    if len(units) > _SHOWN:
        yield f"    and {len(units) - _SHOWN} more: --format json names them all"


def _offence(report: MeasureReport, judged: Judged) -> str:
    return "; ".join(f"{flag.level} {flag.stem} at {flag.ref}: {_evidence(flag)}" for flag in judged.at(report.level))


def _evidence(flag: Flag) -> str:
    return ", ".join(f"{one.field}={cut(str(one.value), _LONGEST)}" for one in flag.evidence) or "by what is absent"


def _rule_rows(report: MeasureReport) -> Iterator[tuple[str, int, int, str]]:
    for stem, found in report.by_rule().items():
        level = max((flag.level for _, _, flag in found), key=LEVELS.index)
        false = sum(judged.unit.benign for _, judged, _ in found)
        yield stem, len(found) - false, false, level


def _standing_line(one: Standing, style: Style) -> str:
    verdict = style.paint("kept", "bold") if one.kept else style.paint("broken", "high")
    if not one.units:
        verdict = style.paint("not measured", "dim")
    return f"limit {one.limit.name}: {_standing_said(one)}: {verdict}"


def _standing_said(one: Standing) -> str:
    least = "at least" if one.limit.caught else "at most"
    word = "caught" if one.limit.caught else "flagged"
    return f"{one.count} of {one.units} {word} ({_share(one.count, one.units)}), {least} {one.limit}"


def _json(report: MeasureReport, _style: Style) -> str:
    document = {
        "format": 1,
        "level": report.level,
        "rules": report.rules,
        "off": list(report.off),
        "limits": [_standing_json(one) for one in report.standings],
        "corpora": [_corpus_json(report, one) for one in report.measured],
        "by_rule": [_rule_json(stem, found) for stem, found in report.by_rule().items()],
    }
    return document_bytes(document, indent=True).decode() + "\n"


def _standing_json(one: Standing) -> Mapping[str, object]:
    return {
        "name": one.limit.name,
        "limit": one.limit.number,
        "unit": "percent" if one.limit.share else "count",
        "kind": "least caught" if one.limit.caught else "most flagged",
        "count": one.count,
        "of": one.units,
        "kept": one.kept,
    }


def _corpus_json(report: MeasureReport, one: Measured) -> Mapping[str, object]:
    flagged, missed = report.flagged(one), report.missed(one)
    return {
        "name": one.corpus.name,
        "shape": one.corpus.shape,
        "events": one.events,
        "notes": list(one.corpus.notes),
        "benign": {"units": len(one.benign), "flagged": len(flagged), "levels": _levels(one.benign)},
        "classes": [_class_json(report, *key, units) for key, units in one.by_class().items()],
        "false_positives": [
            {"ref": judged.unit.ref, "about": judged.unit.about, "alerts": _alerts(judged.at(report.level))}
            for judged in flagged
        ],
        "missed": [
            {
                "ref": judged.unit.ref,
                "label": judged.unit.label,
                "class": judged.unit.name,
                "about": judged.unit.about,
                "reason": report.reason(judged),
            }
            for judged in missed
        ],
        "caught": [
            {"ref": judged.unit.ref, "alerts": _alerts(judged.at(report.level))}
            for judged in one.attacks
            if judged.at(report.level)
        ],
    }


def _levels(units: Sequence[Judged]) -> Mapping[str, int]:
    counted = Counter(judged.level for judged in units)
    return {level: counted[level] for level in LEVELS}


def _class_json(report: MeasureReport, label: str, name: str, units: Sequence[Judged]) -> Mapping[str, object]:
    caught = sum(bool(judged.at(report.level)) for judged in units)
    twins = sum(judged.twin is not None and not judged.at(report.level) for judged in units)
    missed = len(units) - caught - twins
    return {
        "label": label,
        "class": name,
        "units": len(units),
        "caught": caught,
        "missed": missed,
        "undetectable": twins,
    }


def _alerts(flags: Iterable[Flag]) -> list[Mapping[str, object]]:
    return [
        {
            "rule": flag.stem,
            "level": flag.level,
            "ref": flag.ref,
            "evidence": [{"field": one.field, "value": one.value} for one in flag.evidence],
        }
        for flag in flags
    ]


def _rule_json(stem: str, found: Sequence[tuple[Measured, Judged, Flag]]) -> Mapping[str, object]:
    caught = Counter(one.corpus.name for one, judged, _ in found if not judged.unit.benign)
    false = Counter(one.corpus.name for one, judged, _ in found if judged.unit.benign)
    level = max((flag.level for _, _, flag in found), key=LEVELS.index)
    return {"rule": stem, "level": level, "caught": dict(caught), "false_positives": dict(false)}


def _markdown(report: MeasureReport, _style: Style) -> str:
    lines = ["| limit | measured | holds |", "|---|---|---|"]
    lines += [
        f"| {one.limit.name} | {_standing_said(one)} | {('yes' if one.kept else '**no**') if one.units else 'not measured'} |"
        for one in report.standings
    ]
    lines += [
        "",
        f"| corpus | what | units | flagged at {report.level} and above | undetectable |",
        "|---|---|---|---|---|",
    ]
    lines += [row for one in report.measured for row in _corpus_rows(report, one)]
    lines += ["", "| rule | level | caught | false positives |", "|---|---|---|---|"]
    lines += [f"| {_cell(stem)} | {level} | {caught} | {false} |" for stem, caught, false, level in _rule_rows(report)]
    lines += list(_false_positives(report))
    return "\n".join(lines) + "\n"


def _corpus_rows(report: MeasureReport, one: Measured) -> Iterator[str]:
    name = _cell(one.corpus.name)
    if one.benign:
        count = len(report.flagged(one))
        yield f"| {name} | benign | {_counted(one)} | {count} ({_share(count, len(one.benign))}) | |"
    for (label, kind), units in one.by_class().items():
        caught = sum(bool(judged.at(report.level)) for judged in units)
        twins = sum(judged.twin is not None and not judged.at(report.level) for judged in units)
        what = _cell(f"{label} {kind}".rstrip())
        yield f"| {name} | {what} | {len(units)} | {caught} ({_share(caught, len(units))}) | {twins or ''} |"


def _false_positives(report: MeasureReport) -> Iterator[str]:
    found = [judged for one in report.measured for judged in report.flagged(one)]
    if found:
        yield ""
        yield "| flagged though benign | alerts |"
        yield "|---|---|"
        yield from (f"| {_cell(one.unit.ref)} | {_cell(_offence(report, one))} |" for one in found)


def _cell(text: str) -> str:
    """Text that no Markdown reader takes for more than text."""
    return html.escape(safe(text), quote=False).replace("|", "\\|").replace("`", "\\`")


MEASURE_FORMATS: Mapping[str, Callable[[MeasureReport, Style], str]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
}
