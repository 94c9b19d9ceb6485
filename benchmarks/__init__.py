"""Benchmarks of the package, side by side with its alternatives: ``python -m benchmarks``.

Each topic is a module with its rows. ``measuring`` takes the figures, ``server`` is a server in another process,
``samples`` has requests and records, and ``table`` prints the results.
"""
