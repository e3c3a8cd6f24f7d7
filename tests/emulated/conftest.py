import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the files here share `device`


def pytest_addoption(parser):
    parser.addoption("--every-chapter", action="store_true", help="whole chapters, on both emulated devices: minutes")
