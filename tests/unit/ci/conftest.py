import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Scripts, not a package; `referee` puts the judges beside them.
sys.path[:0] = [str(ROOT / "ci"), str(ROOT / "ci" / "engines")]
