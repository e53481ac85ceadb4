"""Guided tours: notebooks that run with this library alone."""
