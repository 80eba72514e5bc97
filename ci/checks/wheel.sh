#!/usr/bin/env bash
# Builds the wheel, installs it with its runtime dependencies alone in a fresh environment, and runs it there.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

.venv/bin/python -m build --no-isolation --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
.venv/bin/python -m venv "$work/venv"
VIRTUAL_ENV="$work/venv" .venv/bin/uv pip install --quiet --constraint <(grep -v -- '--hash' requirements.lock | sed 's/ *\\$//') "$work"/dist/*.whl
.venv/bin/python ci/checks/wheel_contents.py "$work"/dist/*.whl
cd "$work"
venv/bin/mcp-siem --version
venv/bin/mcp-siem check --format json
cp "$OLDPWD/examples/captured_mcp_traffic.jsonl" .
venv/bin/mcp-siem replay captured_mcp_traffic.jsonl --format jsonl | head -n 1
echo "wheel: installs and runs without development packages"
