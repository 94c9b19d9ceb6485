"""Endpoints of the embedded server: parameters, permissions, and what each answers."""
