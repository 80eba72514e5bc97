from collections import Counter

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing them")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason why tests were not run."""
    reports = terminalreporter.getreports("skipped")
    reasons = Counter(str(one.longrepr[2]).removeprefix("Skipped: ") for one in reports if len(one.longrepr or ()) == 3)
    for reason, count in reasons.items():
        if reason.startswith("not run: "):
            terminalreporter.write_line(f"{count} tests {reason}", yellow=True)
