"""Every kind of task; a new one is a class in a file of its own and a name here."""

from typing import Annotated

from pydantic import Field

from analogcli.spec.least_squares import LeastSquaresTask
from analogcli.spec.task import ClassificationTask, RegressionTask

Task = Annotated[ClassificationTask | RegressionTask | LeastSquaresTask, Field(discriminator="kind")]
