"""Runs that wait for a worker, leases of those that have one, and the sweeps that want them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("place", sa.String(100)))
    op.add_column("runs", sa.Column("worker", sa.String(100)))
    op.add_column("runs", sa.Column("lease_until", sa.Double))
    op.add_column("runs", sa.Column("deaths", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "sweep_runs",
        sa.Column("sweep", sa.String(100), primary_key=True),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
    )
