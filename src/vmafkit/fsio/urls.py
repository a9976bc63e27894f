"""URLs in texts and paths, and which part of one may be written down."""

from __future__ import annotations

import re
from pathlib import Path

URL_SCHEMES = ("http", "https", "s3", "gs", "abfs", "az")

# One slash as well: a URL that was taken for a path has lost the other.
_URL = re.compile(r"([a-z][a-z0-9+.-]*:/{1,2})(?:[^\s/?#]*@)?([^\s?#]*)(?:[?#]\S*)?", re.I)


def url_of_path(path: Path) -> str | None:
    """The URL without its secrets that was taken for a path, which lost a slash; else None."""
    for number, part in enumerate(path.parts[:-1]):
        if part[:-1] in URL_SCHEMES and part.endswith(":"):
            return without_secrets(f"{part}//{'/'.join(path.parts[number + 1 :])}")
    return None


def without_secrets(text: str) -> str:
    """The text with every URL in it cut to scheme, host and path.

    What goes may open the door to the file: user names, passwords, and the query, which holds
    the signature of a presigned URL.
    """
    return _URL.sub(r"\1\2", text)
