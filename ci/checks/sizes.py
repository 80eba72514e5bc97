"""Holds the code to its size: median function <= 12 lines, none over 60, no module over 400 (generated data aside)."""

import ast
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEDIAN, LONGEST, MODULE = 12, 60, 400


def _source_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body
    has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1
    first = body[1] if has_docstring else body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


def main() -> int:
    """Prints every excess and returns 1 if there is one."""
    faults: list[str] = []
    lengths: list[int] = []
    for path in sorted([*ROOT.glob("mcp_siem/**/*.py"), *ROOT.glob("backends/**/*.py")]):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        if "@generated" not in text[:2000] and text.count("\n") > MODULE:
            faults.append(
                f"{name}: {text.count(chr(10))} lines, at most {MODULE}: split it by what its parts are about"
            )
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append(_source_lines(node))
                if lengths[-1] > LONGEST:
                    faults.append(f"{name}:{node.lineno}: {node.name} has {lengths[-1]} lines, at most {LONGEST}")
    median = statistics.median(lengths)
    if median > MEDIAN:
        faults.append(f"the median function has {median} lines, at most {MEDIAN}")
    print("\n".join(faults) or f"sizes: {len(lengths)} functions, median {median:g} lines, longest {max(lengths)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
