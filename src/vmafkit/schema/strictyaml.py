"""YAML of plain values, to a bounded depth.

PyYAML's time grows with the square of the depth: 20 000 open brackets, 20 KB, take 24 s.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_MOST_LEVELS = 60


def loads(text: str) -> Any:
    """The values of a document; no tag makes anything but plain values.

    Raises: ValueError when it is not YAML, or deeper than 60 levels.
    """
    import yaml

    try:
        return _loader()(text).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from None


@cache
def _loader() -> Any:
    import yaml

    class Shallow(yaml.SafeLoader):
        """Stops at the first level too deep, before anything is built."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """One node with all below it."""
            self.depth += 1
            if self.depth > _MOST_LEVELS:
                raise ValueError(f"it is deeper than {_MOST_LEVELS} levels")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    return Shallow
