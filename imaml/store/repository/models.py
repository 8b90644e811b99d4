"""Meta-models: versions, aliases, bundles."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from imaml.store import bundles
from imaml.store.errors import InvalidValue, NotFound
from imaml.store.repository.blobs import Blobs
from imaml.store.repository.experiments import Experiments
from imaml.store.repository.portable import Page, lock, read_page, upsert
from imaml.store.tables import Model, ModelAlias
from imaml.store.values import check_name, check_text

CHAMPION = "champion"

# PostgreSQL cannot even be asked for a text with NUL.
_REFERENCE = re.compile(r"(?P<name>[^@:\0]+)(@(?P<alias>[^@:\0]+)|:(?P<version>[0-9]{1,9}))?")


class Models:
    """A tenant's models and those that others share; an own name hides the same name of others."""

    def __init__(self, session: Session, tenant: str, experiments: Experiments, blobs: Blobs) -> None:
        self._session = session
        self._tenant = tenant
        self._experiments = experiments
        self._blobs = blobs

    def add(self, name: str, data: bytes, *, experiment_id: str | None = None, shared: bool = False) -> Model:
        """Store a bundle's bytes as the next version of `name`, described as the bundle describes itself.

        Raises `InvalidValue` for the name, `BundleError` for the bytes, `NotFound` for the experiment.
        """
        check_name(name)
        description = bundles.read(data).description
        if experiment_id is not None:
            self._experiments.own(experiment_id)
        lock(self._session, "model version", self._tenant, name)
        own = (Model.tenant == self._tenant, Model.name == name)
        latest = self._session.scalar(select(func.max(Model.version)).where(*own))
        model = Model(
            tenant=self._tenant,
            shared=shared,
            name=name,
            version=(latest or 0) + 1,
            experiment_id=experiment_id,
            description=description,
            bundle_sha256=self._blobs.put(data),
        )
        self._session.add(model)
        self._session.flush()
        return model

    def get(self, model_id: str) -> Model:
        """Return the model, own or shared, or raise `NotFound`."""
        if model := self._find(Model.id == model_id):
            return model
        raise NotFound("model", model_id, self._names())

    def resolve(self, reference: str) -> Model:
        """Return the model that an id, a name, `name@alias` or `name:version` stands for.

        A name alone stands for its alias "champion" if that is set, for its highest version otherwise.
        Raises `NotFound`, which lists what is stored.
        """
        parts = _REFERENCE.fullmatch(reference)
        if parts and (model := self._find(Model.id == reference)):
            return model
        owner = parts and self._owner(parts["name"])
        if parts is None or owner is None:
            raise NotFound("model", reference, self._names())
        versions = (Model.tenant == owner, Model.name == parts["name"])
        if parts["version"]:
            model = self._find(*versions, Model.version == int(parts["version"]))
        elif parts["alias"]:
            model = self._find(*versions, self._has_alias(parts["alias"]))
        else:
            model = self._find(*versions, self._has_alias(CHAMPION)) or self._find(*versions)
        if model is None:
            raise NotFound("model", reference, self._references(*versions))
        return model

    def has(self, name: str, bundle_sha256: str) -> bool:
        """Say whether this very bundle is stored under `name` already."""
        return self._find(Model.name == name, Model.bundle_sha256 == bundle_sha256) is not None

    def set_alias(self, reference: str, alias: str) -> Model:
        """Let `name@alias` stand for this model from now on; raises `InvalidValue` for one that is shared."""
        check_text("alias", alias, forbidden="@:/")
        model = self._own(reference)
        key = {"tenant": model.tenant, "name": model.name, "alias": alias}
        upsert(self._session, ModelAlias, [{**key, "model_id": model.id}], ["model_id"])
        return model

    def aliases_of(self, models: Iterable[Model]) -> dict[str, list[str]]:
        """Return the aliases, sorted, of each model by its id."""
        aliases: dict[str, list[str]] = {model.id: [] for model in models}
        statement = select(ModelAlias.model_id, ModelAlias.alias).where(ModelAlias.model_id.in_(aliases))
        for model_id, alias in self._session.execute(statement.order_by(ModelAlias.alias)):
            aliases[model_id].append(alias)
        return aliases

    def share(self, reference: str) -> Model:
        """Let every tenant use this model from now on; raises `NotFound`, `InvalidValue` for another's."""
        model = self._own(reference)
        model.shared = True
        self._session.flush()
        return model

    def newest(self) -> Model | None:
        """Return the newest model of all tenants, to see whether it works; it is shown to nobody."""
        return self._session.scalar(select(Model).order_by(Model.id.desc()).limit(1))

    def bundle(self, model: Model) -> bytes:
        """Return the bytes of the model's `.imaml` file; raises `CorruptBlob`."""
        return self._blobs.get(model.bundle_sha256)

    def list(
        self,
        *,
        name: str | None = None,
        experiment_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Model]:
        """Return own and shared models, newest first: of that name, made by that experiment, or all."""
        statement = select(Model).where(self._visible)
        if name is not None:
            statement = statement.where(Model.name == name)
        if experiment_id is not None:
            statement = statement.where(Model.experiment_id == experiment_id)
        return read_page(
            self._session, statement, [Model.id.expression], descending=True, cursor=cursor, limit=limit
        )

    @property
    def _visible(self) -> ColumnElement[bool]:
        return or_(Model.tenant == self._tenant, Model.shared)

    def _find(self, *conditions: ColumnElement[bool]) -> Model | None:
        latest_first = select(Model).where(self._visible, *conditions).order_by(Model.version.desc())
        return self._session.scalar(latest_first.limit(1))

    def _own(self, reference: str) -> Model:
        model = self.resolve(reference)
        if model.tenant != self._tenant:
            raise InvalidValue(
                f"model {model.name}:{model.version} is shared with you; whoever it belongs to sees to it"
            )
        return model

    def _owner(self, name: str) -> str | None:
        own_first = case((Model.tenant == self._tenant, 0), else_=1)
        statement = (
            select(Model.tenant).where(self._visible, Model.name == name).order_by(own_first, Model.id)
        )
        return self._session.scalar(statement.limit(1))

    def _has_alias(self, alias: str) -> ColumnElement[bool]:
        return select(ModelAlias).where(ModelAlias.model_id == Model.id, ModelAlias.alias == alias).exists()

    def _names(self) -> Sequence[str]:
        return [
            *self._session.scalars(select(Model.name).where(self._visible).distinct().order_by(Model.name))
        ]

    def _references(self, *versions: ColumnElement[bool]) -> Sequence[str]:
        models = self._session.scalars(
            select(Model).where(self._visible, *versions).order_by(Model.version.desc())
        ).all()
        aliases = self.aliases_of(models)
        return [
            reference
            for model in models
            for reference in (
                f"{model.name}:{model.version}",
                *(f"{model.name}@{alias}" for alias in aliases[model.id]),
            )
        ]
