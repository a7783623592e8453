"""What a job of the cluster asks for, from flags and from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from analogcli.errors import UsageError
from analogcli.spec.base import Spec


class Profile(Spec):
    """One job, which is one worker."""

    partition: str | None = None
    """Partition; null: the cluster's default one."""
    time: int = Field(60, ge=4)
    """Time limit; one and a half minutes before it the job is told to make its checkpoint [min]."""
    gpus: int = Field(0, ge=0)
    """GPUs; a worker trains on the first of those it gets."""
    cpus: int = Field(1, ge=1)
    """CPU cores."""
    memory: str | None = None
    """Memory, e.g. 8G; null: the cluster's default."""
    setup: tuple[str, ...] = ()
    """Shell lines before the worker starts."""
    further: dict[str, str | int] = Field(default_factory=dict)
    """Any other option of sbatch by its long name, e.g. ``account: lab``."""

    @field_validator("further")
    @classmethod
    def _names(cls, further: dict[str, str | int]) -> dict[str, str | int]:
        return {name.removeprefix("--"): value for name, value in further.items()}

    @classmethod
    def read(cls, file: Path | None, flags: Mapping[str, Any]) -> "Profile":
        """Return what ``file`` says, and over it ``flags``.

        Raises:
            UsageError: the file cannot be read, or a value is not allowed.
        """
        try:
            given = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file else {}
            if not isinstance(given, dict):
                raise UsageError(f"--profile {file} does not hold options such as `partition: gpu`")
            return cls.model_validate(given | dict(flags))
        except (OSError, UnicodeDecodeError) as exc:
            raise UsageError(f"--profile {file} cannot be read: {getattr(exc, 'strerror', 'it is not text')}") from exc
        except yaml.YAMLError as exc:
            raise UsageError(f"--profile {file} is not valid YAML") from exc
        except ValidationError as exc:
            first = exc.errors()[0]
            name = ".".join(map(str, first["loc"]))
            where = f"--{name} {flags[name]}" if name in flags else f"--profile {file}: {name}"
            raise UsageError(f"{where}: {first['msg']}; allowed are {', '.join(cls.model_fields)}") from exc
