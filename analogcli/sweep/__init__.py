"""Many runs: what a figure or a grid needs, the queue that they wait in, and workers that train them."""

from analogcli.sweep.follow import Workers, follow
from analogcli.sweep.local import LocalWorkers, default_workers
from analogcli.sweep.plan import name_of, parse_axis, plan_figure, plan_grid
from analogcli.sweep.profile import Profile
from analogcli.sweep.slurm import SlurmWorkers

__all__ = [
    "LocalWorkers",
    "Profile",
    "SlurmWorkers",
    "Workers",
    "default_workers",
    "follow",
    "name_of",
    "parse_axis",
    "plan_figure",
    "plan_grid",
]
