"""Accuracies of trained models at times after they were written onto phase-change memory."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "inferences",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("settings_hash", sa.String(64), primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("seconds", sa.Double, primary_key=True),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("test_loss", sa.Double, nullable=False),
        sa.Column("test_accuracy", sa.Double),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    )
