"""What the package costs, measured side by side with what one would use instead: ``python -m benchmarks``.

Each theme is a module with its rows. Beside them are ``measuring`` (how figures are taken), ``server`` (what is called,
in a process of its own), ``samples`` (what is sent back and forth) and ``table`` (what is printed).
"""
