"""The machinery of live figures: scenes, their explorers, information diagrams, pages without a kernel."""
