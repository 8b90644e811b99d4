"""Keys of applications, jobs, and idempotency records in a table of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Name = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
Identifier = sa.String(32)
Sha256 = sa.String(64)
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Bring the tables to this revision; idempotency keys of stored adaptations move to their records."""
    op.create_table(
        "api_keys",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("tenant", Name, nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("sha256", Sha256, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=True),
        sa.Column("last_used_at", Time, nullable=True),
        sa.Column("revoked_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("tenant", Name, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("extends", Identifier, nullable=True),
        sa.Column("request_sha256", Sha256, nullable=True),
        sa.Column("adaptation_id", Identifier, nullable=True),
        sa.Column("problem", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("started_at", Time, nullable=True),
        sa.Column("finished_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["request_sha256"], ["blobs.sha256"], name="fk_jobs_request_sha256_blobs"),
        sa.ForeignKeyConstraint(
            ["adaptation_id"],
            ["adaptations.id"],
            name="fk_jobs_adaptation_id_adaptations",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_adaptation_id", "jobs", ["adaptation_id"])
    op.create_index("ix_jobs_request_sha256", "jobs", ["request_sha256"])
    op.create_index("ix_jobs_status_id", "jobs", ["status", "id"])
    op.create_index("ix_jobs_tenant_id", "jobs", ["tenant", "id"])
    op.create_table(
        "idempotency_records",
        sa.Column("tenant", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("request_hash", Sha256, nullable=False),
        sa.Column("lease_until", Time, nullable=False),
        sa.Column("adaptation_id", Identifier, nullable=True),
        sa.Column("job_id", Identifier, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(
            ["adaptation_id"],
            ["adaptations.id"],
            name="fk_idempotency_records_adaptation_id_adaptations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_idempotency_records_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_idempotency_records"),
    )
    op.create_index("ix_idempotency_records_adaptation_id", "idempotency_records", ["adaptation_id"])
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"])
    op.create_index("ix_idempotency_records_job_id", "idempotency_records", ["job_id"])
    op.execute(
        "INSERT INTO idempotency_records (tenant, key, request_hash, lease_until, adaptation_id, created_at)"
        " SELECT tenant, idempotency_key, request_hash, created_at, id, created_at FROM adaptations"
        " WHERE idempotency_key IS NOT NULL AND request_hash IS NOT NULL"
    )
    with op.batch_alter_table("adaptations") as adaptations:
        adaptations.drop_constraint("uq_adaptations_tenant_idempotency_key")
        adaptations.drop_column("idempotency_key")
        adaptations.drop_column("request_hash")


def downgrade() -> None:
    """Bring the tables back to the revision before; keys and jobs are lost."""
    with op.batch_alter_table("adaptations") as adaptations:
        adaptations.add_column(sa.Column("idempotency_key", Name, nullable=True))
        adaptations.add_column(sa.Column("request_hash", Sha256, nullable=True))
        adaptations.create_unique_constraint(
            "uq_adaptations_tenant_idempotency_key", ["tenant", "idempotency_key"]
        )
    for column, source in (("idempotency_key", "key"), ("request_hash", "request_hash")):
        op.execute(
            f"UPDATE adaptations SET {column} = (SELECT {source} FROM idempotency_records AS record"
            " WHERE record.adaptation_id = adaptations.id)"
        )
    wanted = sa.text("SELECT request_sha256 FROM jobs WHERE request_sha256 IS NOT NULL")
    requests = op.get_bind().execute(wanted).scalars().all()
    for table in ("idempotency_records", "jobs", "api_keys"):
        op.drop_table(table)
    blobs = sa.table("blobs", sa.column("sha256"))
    op.execute(blobs.delete().where(blobs.c.sha256.in_(requests)))  # nothing else would ever remove them
