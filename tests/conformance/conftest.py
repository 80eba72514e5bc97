import sys
from pathlib import Path

HERE = Path(__file__).parent
# Scripts that any engine can be run with, and the oracle that must agree with the vectors.
sys.path[:0] = [str(HERE), str(HERE / "adapters"), str(HERE.parent / "oracle")]
