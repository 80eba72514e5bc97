"""Refuses a wheel whose top level holds anything but our three import names, or whose rules are missing."""

import sys
import zipfile
from pathlib import Path

ALLOWED = {"mcp_siem", "mcp_siem_backends", "sigma"}


def main(wheel: str) -> int:
    """Prints what is wrong and returns 1, or the counts and 0."""
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names} - ALLOWED
    faults = [f"unexpected at top level: {name}" for name in top if not name.endswith(".dist-info")]
    faults += [
        f"{name} would shadow pySigma" for name in names if name in {"sigma/__init__.py", "sigma/backends/__init__.py"}
    ]
    rules = [name for name in names if name.startswith("mcp_siem/_pack/rules/") and name.endswith(".yml")]
    if not rules:
        faults.append("the rule pack is missing (mcp_siem/_pack)")
    print("\n".join(faults) or f"wheel: {Path(wheel).name}, {len(names)} files, {len(rules)} rule files")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
