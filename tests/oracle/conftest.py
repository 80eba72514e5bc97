import sys
from pathlib import Path

HERE = Path(__file__).parent
# The oracle stands beside its tests; the engine answers as it answers the conformance vectors.
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance" / "adapters")]
