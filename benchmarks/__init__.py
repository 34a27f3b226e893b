"""How fast it is: ``python -m benchmarks``.  Nothing here is a test; nothing has a time limit."""
