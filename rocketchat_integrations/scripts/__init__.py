"""Run integration scripts as the server does."""
