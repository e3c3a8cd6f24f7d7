import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # test files here share `problems`
sys.path.insert(0, str(Path(__file__).parents[2]))  # and the tables of `benchmarks.random_tables`
