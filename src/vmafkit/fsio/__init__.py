"""The only writer of files.

A file that is made whole appears at once or not at all: it is written under another name in the
same folder, synced, and renamed. A row that is added to a file is on the disk when `append_line`
returns, and a row that was cut short by a crash is set aside by whoever opens the file next.

`os.replace` does not follow a link: an output that is a link is replaced by a file.
flock does not hold on some network disks, and no sync helps on a disk that lies about it.
"""

from vmafkit.fsio.disk import sync_folder, write_error
from vmafkit.fsio.lines import Rows, append_line, recover_tail
from vmafkit.fsio.locks import FileLock, locked_by
from vmafkit.fsio.names import refuse_same_file, sha256_file
from vmafkit.fsio.reading import ensure_regular, open_regular, read_bytes, read_text
from vmafkit.fsio.scratch import (
    is_scratch,
    remove_left_behind,
    scratch_folder,
    without_scratch,
)
from vmafkit.fsio.urls import URL_SCHEMES, url_of_path, without_secrets
from vmafkit.fsio.whole import (
    TEMP_PREFIX,
    atomic_path,
    copy_atomic,
    ensure_folder,
    ensure_output_folder,
    move_aside,
    publish,
    remove,
    remove_folder,
    remove_strays,
    touch,
    write_atomic,
    write_chunks,
    write_scratch,
)

__all__ = [
    "TEMP_PREFIX",
    "URL_SCHEMES",
    "FileLock",
    "Rows",
    "append_line",
    "atomic_path",
    "copy_atomic",
    "ensure_folder",
    "ensure_output_folder",
    "ensure_regular",
    "is_scratch",
    "locked_by",
    "move_aside",
    "open_regular",
    "publish",
    "read_bytes",
    "read_text",
    "recover_tail",
    "refuse_same_file",
    "remove",
    "remove_folder",
    "remove_left_behind",
    "remove_strays",
    "scratch_folder",
    "sha256_file",
    "sync_folder",
    "touch",
    "url_of_path",
    "without_scratch",
    "without_secrets",
    "write_atomic",
    "write_chunks",
    "write_error",
    "write_scratch",
]
