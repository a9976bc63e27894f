"""Which part of a URL may be written down."""

from __future__ import annotations

import re

# One slash as well: a URL that was taken for a path has lost the other.
_URL = re.compile(r"([a-z][a-z0-9+.-]*:/{1,2})(?:[^\s/?#]*@)?([^\s?#]*)(?:[?#]\S*)?", re.I)


def without_secrets(text: str) -> str:
    """The text with every URL in it cut to scheme, host and path.

    What goes may open the door to the file: user names, passwords, and the query, which holds
    the signature of a presigned URL.
    """
    return _URL.sub(r"\1\2", text)
