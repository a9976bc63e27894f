"""The list of tiny models beside their files: `registry.json`.

A model that the list names is run only if its bytes have the hash that the list states.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vmafkit.errors import SchemaTooNew, Unreadable
from vmafkit.schema import strictjson

SCHEMA_VERSION = 1
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

Model = TypeVar("Model", bound=BaseModel)
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ModelId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]


class RegistryEntry(BaseModel):
    """One model file."""

    model_config = _STRICT

    id: ModelId
    kind: Literal["fr", "nr", "filter"] = Field(
        description="full reference, no reference, or a picture filter"
    )
    onnx: str = Field(max_length=256, description="path relative to the registry, with slashes")
    sha256: Sha256 = Field(description="of the file that `onnx` names")
    opset: int | None = Field(None, ge=7, le=21)
    notes: str | None = Field(None, max_length=512)
    smoke: bool | None = Field(None, description="made for tests only; its scores mean nothing")
    quant_mode: Literal["fp32", "static", "dynamic", "qat"] | None = None
    quant_calibration_set: str | None = Field(None, max_length=256)
    int8_sha256: Sha256 | None = None
    quant_accuracy_budget_plcc: float | None = Field(None, ge=0.0, le=1.0)
    license: str | None = Field(None, max_length=128)
    license_url: str | None = Field(None, max_length=256)
    sigstore_bundle: str | None = Field(None, max_length=256, pattern=r"\.sigstore\.json$")
    description: str | None = Field(None, max_length=256)

    @field_validator("onnx")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not value or path.is_absolute() or ".." in path.parts or "\\" in value or "\0" in value:
            raise ValueError("must lie beside the registry or below it")
        return value


class Registry(BaseModel):
    """All of `registry.json`."""

    model_config = _STRICT

    json_schema: str | None = Field(None, alias="$schema")
    schema_version: int = Field(SCHEMA_VERSION, ge=0)
    models: list[RegistryEntry]

    @model_validator(mode="after")
    def _ids_differ(self) -> Registry:
        ids = [entry.id for entry in self.models]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]} is there twice")
        return self

    def entry(self, model_id: str) -> RegistryEntry | None:
        """The model with this id, or None."""
        return next((entry for entry in self.models if entry.id == model_id), None)

    def with_entry(self, entry: RegistryEntry) -> Registry:
        """A copy in which `entry` stands for its id; entries lie in the order of their ids."""
        others = [other for other in self.models if other.id != entry.id]
        models = sorted([*others, entry], key=lambda one: one.id)
        return self.model_copy(update={"models": models})


def read_registry(data: bytes, name: str = "registry.json") -> Registry:
    """Read a registry.

    Args:
        name: what an error calls it.

    Raises:
        Unreadable: it is not one.
        SchemaTooNew: a newer version wrote it.
    """
    return read_model(Registry, data, name, SCHEMA_VERSION, "a registry of models")


def render_registry(registry: Registry) -> str:
    """The file's text: two spaces, a newline at its end, nothing that is not set."""
    return render(registry.model_dump(by_alias=True, exclude_none=True))


def read_model(model: type[Model], data: bytes, name: str, newest: int, what: str) -> Model:
    """A file in strict JSON with a `schema_version` that is known.

    Args:
        name, what: how an error calls the file, and what it should be.

    Raises:
        Unreadable: it is not one.
        SchemaTooNew: its version is above `newest`.
    """
    document = _read_object(data, name, newest)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise Unreadable(f"{name} is not {what}: {first_error(error)}") from error


def _read_object(data: bytes, name: str, newest: int) -> dict[str, Any]:
    try:
        document: Any = strictjson.loads(data)
        if not isinstance(document, dict):
            raise ValueError("it is not an object")
        version: Any = document.get("schema_version", 1)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except ValueError as error:
        raise Unreadable(f"{name} is not strict JSON: {error}") from error
    if isinstance(version, int) and version > newest:
        raise SchemaTooNew(
            f"{name} has schema version {version}; {newest} is the newest known here",
            hint="update vmafkit",
        )
    return document  # pyright: ignore[reportUnknownVariableType]


def render(document: dict[str, Any]) -> str:
    """Indented strict JSON with a newline at its end."""
    import json

    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def first_error(error: ValidationError) -> str:
    """The first thing that does not fit, in words."""
    fact = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in fact["loc"])
    return f"{where}: {fact['msg']}" if where else fact["msg"]
