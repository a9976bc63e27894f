"""Paths of the workspace under the names that older recipes and scripts use."""

from __future__ import annotations

from vmafkit.harness.workspace import Workspace, open_workspace

# The name of each path, and the folder in the workspace that it stands for.
FOLDERS = {
    "root_path": "",
    "workspace_path": "",
    "workdir_path": "workdir",
    "encode_path": "encode",
    "encode_store_path": "result_store_dir/encode_store",
    "file_result_store_path": "result_store_dir/file_result_store",
    "model_path": "model",
    "resource_path": "dataset",
    "test_resource_path": "dataset",
}


def path_in(space: Workspace, name: str, *parts: str) -> str:
    """A path of FOLDERS in a workspace, joined with further parts; nothing is made on disk."""
    return str(space.root.joinpath(FOLDERS[name], *parts))


class VmafConfig:
    """Paths as text in the usual workspace, each joined with further parts."""

    @classmethod
    def root_path(cls, *parts: str) -> str:
        """The workspace."""
        return path_in(open_workspace(), "root_path", *parts)

    @classmethod
    def workspace_path(cls, *parts: str) -> str:
        """The workspace."""
        return path_in(open_workspace(), "workspace_path", *parts)

    @classmethod
    def workdir_path(cls, *parts: str) -> str:
        """Scratch of runs."""
        return path_in(open_workspace(), "workdir_path", *parts)

    @classmethod
    def encode_path(cls, *parts: str) -> str:
        """Encodes made by run-encode."""
        return path_in(open_workspace(), "encode_path", *parts)

    @classmethod
    def encode_store_path(cls, *parts: str) -> str:
        """The EncodeResultStore."""
        return path_in(open_workspace(), "encode_store_path", *parts)

    @classmethod
    def file_result_store_path(cls, *parts: str) -> str:
        """The FileResultStore."""
        return path_in(open_workspace(), "file_result_store_path", *parts)

    @classmethod
    def model_path(cls, *parts: str) -> str:
        """Trained models."""
        return path_in(open_workspace(), "model_path", *parts)

    @classmethod
    def resource_path(cls, *parts: str) -> str:
        """Clips that recipes name: the folder `dataset`."""
        return path_in(open_workspace(), "resource_path", *parts)

    @classmethod
    def test_resource_path(cls, *parts: str) -> str:
        """Clips that recipes name: the folder `dataset`."""
        return path_in(open_workspace(), "test_resource_path", *parts)
