"""How right the measurements are: on simulated heads with exact truth, and on real scans degraded by known amounts.

evaluate(output, heads=200) -> one record a head and the accuracy table; what ``headctiqa evaluate-networks`` does
figures(records) -> the figures of that table
"""

from .accuracy import Figure, figures
from .heads import evaluate, evaluate_head

__all__ = ["Figure", "evaluate", "evaluate_head", "figures"]
