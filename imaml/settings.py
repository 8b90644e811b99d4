"""What the environment says: where the database, the API and the data lie."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings in force, read from `IMAML_*` environment variables."""

    model_config = SettingsConfigDict(env_prefix="IMAML_", extra="ignore")

    home: Path = Field(
        default=Path("~/.local/share/imaml"),
        validate_default=True,
        description="Folder of the default database.",
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; default: imaml.db under home.")
    api_url: str = Field(default="http://127.0.0.1:8000", description="Where clients find the API.")
    api_key: SecretStr | None = Field(default=None, description="Key that clients send.")
    data: Path | None = Field(default=None, description="Where data sets lie; the default of --data.")

    @field_validator("home", mode="after")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        try:
            return home.expanduser()
        except RuntimeError as error:
            raise ValueError("there is no home folder of that name; name a folder from / on") from error

    @model_validator(mode="after")
    def _fill_defaults(self) -> Self:
        self.database_url = self.database_url or f"sqlite:///{self.home / 'imaml.db'}"
        return self
