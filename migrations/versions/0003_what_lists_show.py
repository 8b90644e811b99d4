"""What lists show: the best accuracy of an experiment, and by which key an adaptation was made."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision; stored experiments get their best accuracy from their metrics."""
    op.add_column("experiments", sa.Column("best_accuracy", sa.Double(), nullable=True))
    op.add_column("experiments", sa.Column("best_accuracy_ci95", sa.Double(), nullable=True))
    op.add_column("adaptations", sa.Column("created_by", sa.String(32), nullable=True))
    op.add_column("jobs", sa.Column("created_by", sa.String(32), nullable=True))
    # A value above 1 is NaN, which PostgreSQL takes for the largest number.
    op.execute("""
        UPDATE experiments SET best_accuracy = (
            SELECT max(value) FROM metrics
            WHERE experiment_id = experiments.id AND name = 'validation_accuracy' AND value <= 1
        )
    """)
    op.execute("""
        UPDATE experiments SET best_accuracy_ci95 = (
            SELECT width.value FROM metrics AS best JOIN metrics AS width
            ON width.experiment_id = best.experiment_id AND width.step = best.step
            WHERE best.experiment_id = experiments.id AND best.name = 'validation_accuracy'
            AND best.value = experiments.best_accuracy AND width.name = 'validation_ci95'
            ORDER BY best.step LIMIT 1
        )
    """)


def downgrade() -> None:
    """Take the columns away again."""
    op.drop_column("jobs", "created_by")
    op.drop_column("adaptations", "created_by")
    op.drop_column("experiments", "best_accuracy_ci95")
    op.drop_column("experiments", "best_accuracy")
