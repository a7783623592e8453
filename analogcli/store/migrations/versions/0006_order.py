"""The newest runs of very many are found without looking at all of them."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("ix_runs_created_at", "runs", ["created_at"])
