"""Inference: how a network is run fast."""
