"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration is history: it repeats the types of its day instead of importing those of today's tables.
Name = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
Identifier = sa.String(32)
Sha256 = sa.String(64)
Number: sa.Double[float] = sa.Double()
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "blobs",
        sa.Column("sha256", Sha256, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_blobs"),
    )
    op.create_table(
        "experiments",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("tenant", Name, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("split", sa.JSON(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("total_steps", sa.Integer(), nullable=False),
        sa.Column("heartbeat_at", Time, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("checkpoint_sha256", Sha256, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("finished_at", Time, nullable=True),
        sa.ForeignKeyConstraint(
            ["checkpoint_sha256"], ["blobs.sha256"], name="fk_experiments_checkpoint_sha256_blobs"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
    )
    op.create_index("ix_experiments_checkpoint_sha256", "experiments", ["checkpoint_sha256"])
    op.create_index("ix_experiments_tenant_id", "experiments", ["tenant", "id"])
    op.create_index("ix_experiments_tenant_name", "experiments", ["tenant", "name"])

    op.create_table(
        "metrics",
        sa.Column("experiment_id", Identifier, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("inner_step", sa.Integer(), nullable=False),
        sa.Column("value", Number, nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name="fk_metrics_experiment_id_experiments",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("experiment_id", "name", "step", "inner_step", name="pk_metrics"),
    )
    op.create_table(
        "models",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("tenant", Name, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("experiment_id", Identifier, nullable=True),
        sa.Column("description", sa.JSON(), nullable=False),
        sa.Column("bundle_sha256", Sha256, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["bundle_sha256"], ["blobs.sha256"], name="fk_models_bundle_sha256_blobs"),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name="fk_models_experiment_id_experiments",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("tenant", "name", "version", name="uq_models_tenant_name_version"),
    )
    op.create_index("ix_models_bundle_sha256", "models", ["bundle_sha256"])
    op.create_index("ix_models_experiment_id", "models", ["experiment_id"])
    op.create_index("ix_models_tenant_id", "models", ["tenant", "id"])

    op.create_table(
        "adaptations",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("tenant", Name, nullable=False),
        sa.Column("model_id", Identifier, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("solution", sa.JSON(), nullable=False),
        sa.Column("unknown_threshold", Number, nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("parameters_sha256", Sha256, nullable=False),
        sa.Column("examples_sha256", Sha256, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=True),
        sa.Column("idempotency_key", Name, nullable=True),
        sa.Column("request_hash", Sha256, nullable=True),
        sa.ForeignKeyConstraint(
            ["examples_sha256"], ["blobs.sha256"], name="fk_adaptations_examples_sha256_blobs"
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_adaptations_model_id_models"),
        sa.ForeignKeyConstraint(
            ["parameters_sha256"], ["blobs.sha256"], name="fk_adaptations_parameters_sha256_blobs"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_adaptations"),
        sa.UniqueConstraint("tenant", "idempotency_key", name="uq_adaptations_tenant_idempotency_key"),
    )
    op.create_index("ix_adaptations_examples_sha256", "adaptations", ["examples_sha256"])
    op.create_index("ix_adaptations_expires_at", "adaptations", ["expires_at"])
    op.create_index("ix_adaptations_model_id", "adaptations", ["model_id"])
    op.create_index("ix_adaptations_parameters_sha256", "adaptations", ["parameters_sha256"])
    op.create_index("ix_adaptations_tenant_id", "adaptations", ["tenant", "id"])

    op.create_table(
        "evaluations",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("tenant", Name, nullable=False),
        sa.Column("experiment_id", Identifier, nullable=True),
        sa.Column("model_id", Identifier, nullable=True),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("ways", sa.Integer(), nullable=False),
        sa.Column("shots", sa.Integer(), nullable=False),
        sa.Column("queries", sa.Integer(), nullable=False),
        sa.Column("episodes", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("transductive", sa.Boolean(), nullable=False),
        sa.Column("accuracy", Number, nullable=False),
        sa.Column("ci95", Number, nullable=False),
        sa.Column("accuracy_unadapted", Number, nullable=False),
        sa.Column("accuracies", sa.JSON(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name="fk_evaluations_experiment_id_experiments",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name="fk_evaluations_model_id_models", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
    )
    op.create_index("ix_evaluations_experiment_id", "evaluations", ["experiment_id"])
    op.create_index("ix_evaluations_model_id", "evaluations", ["model_id"])

    op.create_table(
        "model_aliases",
        sa.Column("tenant", Name, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("alias", Name, nullable=False),
        sa.Column("model_id", Identifier, nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name="fk_model_aliases_model_id_models", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "name", "alias", name="pk_model_aliases"),
    )
    op.create_index("ix_model_aliases_model_id", "model_aliases", ["model_id"])


def downgrade() -> None:
    """Drop all tables, those that refer to others first."""
    for table in ("model_aliases", "evaluations", "adaptations", "models", "metrics", "experiments", "blobs"):
        op.drop_table(table)
