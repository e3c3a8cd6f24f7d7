import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the files here share `calls` and `mutations`


def pytest_addoption(parser):
    parser.addoption("--calls", type=int, default=2000, help="mutated calls of public functions in all")
