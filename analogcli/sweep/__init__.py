"""Many runs: what a figure or a grid needs, and processes that train it."""

from analogcli.sweep.local import LocalSweep, Outcome, Result, default_workers
from analogcli.sweep.plan import Planned, parse_axis, plan_figure, plan_grid

__all__ = ["LocalSweep", "Outcome", "Planned", "Result", "default_workers", "parse_axis", "plan_figure", "plan_grid"]
