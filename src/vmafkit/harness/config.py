"""Paths of the workspace under the names that older recipes and scripts use."""

from __future__ import annotations

from pathlib import Path

from vmafkit.harness.workspace import open_workspace


class VmafConfig:
    """Paths as text, each joined with further parts; nothing is made on disk."""

    @classmethod
    def root_path(cls, *parts: str) -> str:
        """The workspace."""
        return _joined(open_workspace().root, parts)

    @classmethod
    def workspace_path(cls, *parts: str) -> str:
        """The workspace."""
        return cls.root_path(*parts)

    @classmethod
    def workdir_path(cls, *parts: str) -> str:
        """Scratch of runs."""
        return cls.root_path("workdir", *parts)

    @classmethod
    def encode_path(cls, *parts: str) -> str:
        """Encodes made by run-encode."""
        return cls.root_path("encode", *parts)

    @classmethod
    def encode_store_path(cls, *parts: str) -> str:
        """The EncodeResultStore."""
        return _joined(open_workspace().encodes, parts)

    @classmethod
    def file_result_store_path(cls, *parts: str) -> str:
        """The FileResultStore."""
        return _joined(open_workspace().results, parts)

    @classmethod
    def model_path(cls, *parts: str) -> str:
        """Trained models."""
        return cls.root_path("model", *parts)

    @classmethod
    def resource_path(cls, *parts: str) -> str:
        """Clips that recipes name: the folder `dataset`."""
        return cls.root_path("dataset", *parts)

    @classmethod
    def test_resource_path(cls, *parts: str) -> str:
        """Clips that recipes name: the folder `dataset`."""
        return cls.root_path("dataset", *parts)


def _joined(root: Path, parts: tuple[str, ...]) -> str:
    return str(root.joinpath(*parts))
