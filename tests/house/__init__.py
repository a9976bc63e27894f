"""The house rules as tests: sizes, doors, banned calls, imports, names."""
