"""A store knows where its checkpoints lie, if that is not its own folder."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    name, value = sa.Column("name", sa.String(32), primary_key=True), sa.Column("value", sa.Text(), nullable=False)
    op.create_table("settings", name, value)
