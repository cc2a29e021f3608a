"""The story of one migration: plan, fetch, map, append, record, verify."""
