"""Lessons: notebooks that run with this library alone."""
