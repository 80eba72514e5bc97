import sys
from pathlib import Path

# The interpreter of SPL, which judges what the tables of differences claim.
sys.path.insert(0, str(Path(__file__).parents[2] / "referee" / "spl"))
