"""The stable records: one per file format, strict JSON, every older version readable."""
