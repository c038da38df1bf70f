"""Where things of the repository stand."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "scenarios"
QUICKSTART = SCENARIOS / "quickstart.toml"
LOCUSTFILE = ROOT / "loadgen" / "swarm" / "locustfile.py"
FIXTURES = ROOT / "tests" / "fixtures"
