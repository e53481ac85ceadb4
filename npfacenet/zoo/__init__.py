"""Weights with names: the public ones, where they lie, and how they are fetched and added."""
