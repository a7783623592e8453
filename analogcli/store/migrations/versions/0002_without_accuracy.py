"""Epochs of a regression have no accuracy."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("epochs") as epochs:  # SQLite cannot change a column: the table is written anew
        epochs.alter_column("test_accuracy", existing_type=sa.Double(), nullable=True)
