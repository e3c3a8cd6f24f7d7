"""Entropy and information diagrams: a table of two variables to edit by hand, and its diagram.

The machinery is `ibteach.display.live`, because later chapters draw diagrams too.
"""

from ibteach.display.live.diagrams import diagram
from ibteach.display.live.joint_table import JointTable

__all__ = ["JointTable", "diagram"]
