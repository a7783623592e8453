"""What a regression predicts at each time after its weights were programmed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("inferences", sa.Column("predictions", sa.JSON))
