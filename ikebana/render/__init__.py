"""Renderers of trace records: pure functions outside the cores."""
