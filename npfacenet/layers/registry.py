"""Layers by name, for files that hold networks: the name of a class and its hyperparameters.

A file holds no code. A layer of your own must be registered in the module that defines it, and that
module imported before such a file is read.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TypeVar

from npfacenet.errors import ArgumentError, listed, quoted
from npfacenet.layers.hyperparameters import annotations_of, from_json, is_of_type
from npfacenet.layers.layer import Layer

LayerClass = TypeVar("LayerClass", bound=type[Layer])

_REGISTERED: dict[str, type[Layer]] = {}  # by class name


def register(layer: LayerClass) -> LayerClass:
    """Make a layer known by the name of its class; return the class, as a decorator does.

    A class defined anew in an interactive session replaces the one it had there before.

    Raises ArgumentError for anything but a subclass of Layer that is a frozen dataclass, and for
    a name that another layer has.

    >>> from dataclasses import dataclass
    >>> from npfacenet.layers import ReLU, register_layer
    >>> @register_layer
    ... @dataclass(frozen=True)
    ... class DoubledReLU(ReLU):
    ...     def forward(self, parameters, *inputs):
    ...         return 2 * super().forward(parameters, *inputs)
    >>> layer_class("DoubledReLU")().hyperparameters()
    {}
    """
    if not _is_layer_class(layer):
        raise ArgumentError(
            f"a layer is a subclass of npfacenet.layers.Layer, and {quoted(layer)} is not"
        )
    if inspect.isabstract(layer):
        missing = ", ".join(sorted(layer.__abstractmethods__))
        raise ArgumentError(f"{layer.__name__} is abstract: it lacks {missing}")
    # vars(), because every subclass inherits the attributes of a dataclass.
    if "__dataclass_fields__" not in vars(layer) or not _is_frozen(layer):
        raise ArgumentError(
            f"{layer.__name__} is not a frozen dataclass: decorate it with "
            "@dataclass(frozen=True), below @register_layer"
        )
    known = _REGISTERED.setdefault(layer.__name__, layer)
    if known is not layer:
        if not known.__module__ == layer.__module__ == "__main__":
            raise ArgumentError(
                f"another layer is called {layer.__name__} ({known.__module__}."
                f"{known.__qualname__}): give this one another name"
            )
        _REGISTERED[layer.__name__] = layer
    return layer


def layer_class(name: object) -> type[Layer]:
    """Return the layer of this name: one of this library's, or one that was registered.

    Raises ArgumentError for an unknown name.

    >>> layer_class("MaxPool")
    <class 'npfacenet.layers.pooling.MaxPool'>
    """
    if not isinstance(name, str) or name not in _REGISTERED:
        raise ArgumentError(
            f"no layer is called {quoted(name)}: import the module that defines it and register "
            "it: npfacenet.layers.register_layer(...)"
        )
    return _REGISTERED[name]


def layer_name(layer: Layer) -> str:
    """Return the name by which `layer_class` finds the class of this layer.

    Raises ArgumentError if there is none, or if the name is that of another class.
    """
    name = type(layer).__name__
    if _REGISTERED.get(name) is not type(layer):
        raise ArgumentError(
            f"the layer {name} is not registered, so that a file with it could not be read: "
            "npfacenet.layers.register_layer(...), in the module that defines it"
        )
    return name


def layer_from(name: object, hyperparameters: object) -> Layer:
    """Make a layer of its name and its hyperparameters, as `Layer.hyperparameters` gives them.

    Lists stand for tuples. Hyperparameters with a default may be left out.

    Raises ArgumentError for an unknown name, for an unknown or missing hyperparameter, and for a
    value of the wrong type or one that the layer refuses.

    >>> layer_from("Convolution", {"filters": 8, "size": [1, 3], "padding": "same"})
    Convolution(filters=8, size=(1, 3), stride=1, padding='same', bias=True)
    """
    found = layer_class(name)
    if not isinstance(hyperparameters, Mapping):
        raise ArgumentError(
            f"{name}: hyperparameters are values by name, not {quoted(hyperparameters)}"
        )
    values = {key: from_json(value) for key, value in hyperparameters.items()}
    _check_names(found, values)
    annotations = annotations_of(found)
    for key, value in values.items():
        if key in annotations and not is_of_type(value, annotations[key]):
            raise ArgumentError(f"{name}: {key} has the wrong type: {quoted(value)}")
    try:
        return found(**values)
    except (ArgumentError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        given = ", ".join(f"{key}={quoted(value)}" for key, value in values.items())
        raise ArgumentError(f"{name}({given}) cannot be made: {error}") from error


def _check_names(layer: type[Layer], given: Mapping[str, object]) -> None:
    """Raise ArgumentError unless the names are those of hyperparameters, and none is missing."""
    taken = [field for field in fields(layer) if field.init]
    names = [field.name for field in taken]
    for name in given:
        if name not in names:
            known = listed(names, most=9) or "none"
            raise ArgumentError(
                f"{layer.__name__} has no hyperparameter {quoted(name)} (it has: {known})"
            )
    for field in taken:
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and field.name not in given:
            raise ArgumentError(f"{layer.__name__} needs its hyperparameter {field.name!r}")


def _is_layer_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Layer)


def _is_frozen(layer: type[Layer]) -> bool:
    return bool(getattr(getattr(layer, "__dataclass_params__", None), "frozen", False))
