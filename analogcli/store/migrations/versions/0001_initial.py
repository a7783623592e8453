"""Runs, provenance, models, epochs, series and checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("spec_hash", sa.String(64), nullable=False, index=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("experiment", sa.String(100), nullable=False, index=True),
        sa.Column("protocol", sa.String(100), nullable=False),
        sa.Column("setting", sa.String(100), nullable=False),
        sa.Column("backend", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("repeatable", sa.Boolean, nullable=False),
        sa.Column("resolved_config", sa.JSON, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("hostname", sa.String(255)),
        sa.Column("pid", sa.Integer),
        sa.Column("process_started", sa.Double),
    )
    op.create_table(
        "provenance",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("package", sa.String(50), nullable=False),
        sa.Column("python", sa.String(50), nullable=False),
        sa.Column("torch", sa.String(50), nullable=False),
        sa.Column("aihwkit", sa.String(50)),
        sa.Column("git_commit", sa.String(50)),
        sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("device", sa.String(255), nullable=False),
        sa.Column("command_line", sa.Text, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("data_fingerprint", sa.String(64)),
        sa.Column("notes", sa.Text),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("run_id", "index"),
    )
    op.create_table(
        "epochs",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("train_loss", sa.Double),
        sa.Column("test_loss", sa.Double),
        sa.Column("test_accuracy", sa.Double, nullable=False),
        sa.Column("mean_abs_gradient", sa.Double),
        sa.Column("lr", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
    )
    op.create_table(
        "series",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("values", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created_at", moment, nullable=False),
    )
