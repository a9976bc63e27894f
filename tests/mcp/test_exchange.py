"""The exchange in docs/mcp.md is what a real server says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def exchange() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_exchange", DOCS / "exchange.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_exchange_in_the_document_is_up_to_date(exchange: ModuleType) -> None:
    document = exchange.DOCUMENT.read_text("utf-8")
    assert exchange.same(document, exchange.written(exchange.made())), "run python docs/exchange.py"


@pytest.mark.parametrize(
    ("old", "new"),
    [('"frames": 20', '"frames": 21'), ('"met": true', '"met": false'), ('"score"', '"rate"')],
)
def test_a_change_would_be_noticed(exchange: ModuleType, old: str, new: str) -> None:
    document = exchange.DOCUMENT.read_text("utf-8")
    assert old in document
    assert exchange.same(document, document)
    assert not exchange.same(document, document.replace(old, new, 1))
