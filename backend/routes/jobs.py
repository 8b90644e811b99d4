"""Jobs: what became of a request that was not waited for."""

from fastapi import APIRouter, Depends

from backend.dependencies import JobId, StoreDep
from backend.messages import schemas
from backend.messages.refusals import refusals
from backend.security import Requires

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Depends(Requires("adapt"))])


@router.get("/{job_id}", responses=refusals("unknown-job"))
def show_job(job_id: JobId, store: StoreDep) -> schemas.Job:
    """Show how far a job has come: once it has succeeded, its adaptation; once it has failed, why.

    It is kept for a day after its end.
    """
    with store.reading() as transaction:
        return schemas.Job.model_validate(transaction.jobs.get(job_id), from_attributes=True)
