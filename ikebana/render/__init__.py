"""Renderers of trace records and of the code's own tables: pure functions outside the cores."""
