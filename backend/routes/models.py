"""Stored meta-models: to choose from, to try out, to carry away and to bring."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from backend.dependencies import MODEL_IN_PATH, Cursor, EngineDep, Limit, ModelDep, StoreDep
from backend.messages import bodies, schemas
from backend.messages.downloads import zip_file
from backend.messages.refusals import BINARY, BODY, WORKING, Responses, refusals
from backend.messages.requests import Name, Storable
from backend.messages.uploads import BundleDep
from backend.problems import Problem
from backend.security import Requires
from backend.work import episodes
from imaml.runtime.graphs import GraphError
from imaml.runtime.verification import verify
from imaml.store import Model, Store, bundles

router = APIRouter(prefix="/v1/models", tags=["models"], dependencies=[Depends(Requires())])

_ADMINISTRATORS = [Depends(Requires("admin"))]

_ONE = ("unknown-model",)
_BUNDLE: Responses = {200: {"content": {"application/zip": BINARY}, "description": "An .imaml file."}}
_SEED_BOUND = 2**63 - 1


@router.get("", responses=refusals("invalid-value"))
def list_models(
    store: StoreDep,
    name: Annotated[Storable | None, Query(description="All versions of this one.")] = None,
    experiment_id: Annotated[Storable | None, Query(description="Those that this experiment made.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Model]:
    """List the models, newest first."""
    with store.reading() as transaction:
        page = transaction.models.list(name=name, experiment_id=experiment_id, cursor=cursor, limit=limit)
        aliases = transaction.models.aliases_of(page.items)
    items = [_shown(model, aliases[model.id]) for model in page.items]
    return schemas.Page(items=items, next_cursor=page.next_cursor)


@router.post(
    "",
    status_code=201,
    dependencies=_ADMINISTRATORS,
    responses=refusals(
        *(*BODY, "malformed-request", "unsupported-media-type"),
        *("invalid-bundle", "invalid-value", "server-full"),
    ),
    openapi_extra=bodies.BUNDLE,
)
async def add_model(
    bundle: BundleDep,
    store: StoreDep,
    engine: EngineDep,
    name: Annotated[Name | None, Query(description="Default: the name that the file has inside.")] = None,
) -> schemas.Model:
    """Store an .imaml file as a new version, after all of it was checked and tried."""
    own_name = await engine.run(_verified_name, bundle)
    return await run_in_threadpool(_add, store, bundle, own_name if name is None else name)


@router.get("/{model}", responses=refusals(*_ONE))
def show_model(model: ModelDep, store: StoreDep) -> schemas.Model:
    """Show the model that an id, a name, name@alias or name:version stands for."""
    with store.reading() as transaction:
        return _shown(model, transaction.models.aliases_of([model])[model.id])


@router.put(
    "/{model}/aliases/{alias}",
    dependencies=_ADMINISTRATORS,
    responses=refusals(*_ONE, "invalid-value"),
)
def set_alias(
    model: Annotated[str, MODEL_IN_PATH],
    alias: Annotated[Name, Path(description="Such as champion, which the name alone stands for.")],
    store: StoreDep,
) -> schemas.Model:
    """Let name@alias stand for this model from now on."""
    with store.transaction() as transaction:
        found = transaction.models.set_alias(model, alias)
        return _shown(found, transaction.models.aliases_of([found])[found.id])


@router.get(
    "/{model}/bundle",
    response_class=Response,
    dependencies=[Depends(Requires("adapt", "admin"))],
    responses=_BUNDLE | refusals(*_ONE, "damaged-data"),
)
def read_bundle(model: ModelDep, store: StoreDep) -> Response:
    """Download the model as an .imaml file."""
    with store.reading() as transaction:
        data = transaction.models.bundle(model)
    return zip_file(data, f"{model.name}-v{model.version}.imaml")


@router.get("/{model}/episode", responses=refusals(*_ONE, *WORKING, "no-examples", "too-few-examples"))
async def draw_episode(
    model: ModelDep,
    store: StoreDep,
    engine: EngineDep,
    ways: Annotated[int, Query(ge=2, le=1000, description="Classes.")] = 5,
    shots: Annotated[int, Query(ge=1, le=1000, description="Examples of each class to learn from.")] = 1,
    queries: Annotated[int, Query(ge=1, le=1000, description="Other examples of each, to ask about.")] = 3,
    seed: Annotated[int, Query(ge=0, le=_SEED_BOUND, description="Another draws another task.")] = 0,
) -> schemas.Episode:
    """Draw a task from the examples that are stored with the model; the same seed draws the same."""
    async with engine.model(store, model.id) as loaded:
        archive = loaded.examples
    if archive is None:
        raise Problem(404, "no-examples", f"No examples are stored with model {model.name}:{model.version}.")
    support, query = await engine.run(episodes.sample, archive, ways, shots, queries, seed)
    return schemas.Episode(
        model=model.name,
        ways=ways,
        shots=shots,
        queries=queries,
        seed=seed,
        support=support,
        query=query,
    )


def _verified_name(data: bytes) -> str:
    """Return the name that a sound bundle gives itself."""
    bundle = bundles.read(data)
    try:
        verify(bundle.description, bundle.parameters, bundle.graphs, bundle.examples)
    except GraphError as error:
        raise Problem(422, "invalid-bundle", str(error)) from error
    return str(bundle.description.get("name", ""))


def _add(store: Store, bundle: bytes, name: str) -> schemas.Model:
    with store.transaction() as transaction:
        return _shown(transaction.models.add(name, bundle), [])


def _shown(model: Model, aliases: Sequence[str]) -> schemas.Model:
    described = {key: model.description[key] for key in ("dataset", "ways", "recipe")}
    described["task"] = model.description.get("task", "classification")
    described["input"] = _input(model.description["input"])
    return schemas.Model.model_validate({**vars(model), **described, "aliases": aliases})


def _input(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to send, without the means and scales by which vectors are standardised."""
    return {name: value for name, value in described.items() if name not in ("mean", "scale")}
