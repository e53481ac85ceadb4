"""What Hypothesis calls when it starts, through the entry point in pyproject.toml."""

from __future__ import annotations


def register() -> None:
    """Make `st.from_type` work for Layer, Network and Loss."""
    from hypothesis import strategies as st

    from npfacenet.layers import Layer
    from npfacenet.losses import Loss
    from npfacenet.networks import Network
    from npfacenet.testing import layer_strategies, loss_strategies

    st.register_type_strategy(Layer, layer_strategies.layers())
    st.register_type_strategy(Network, layer_strategies.networks())
    st.register_type_strategy(Loss, loss_strategies.losses())
