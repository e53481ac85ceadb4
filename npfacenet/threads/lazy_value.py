"""Values of an object that are computed when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, overload

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class LazyValue(Generic[Owner, Value]):
    """A property that is computed once for each object and kept in it.

    `functools.cached_property` holds a lock meanwhile until Python 3.12, one for all objects: a
    child that is forked then waits for it for ever. Here threads that read the value at the same
    time may each compute it, so it must not matter which of them is kept.

    >>> class Circle:
    ...     @LazyValue
    ...     def area(self):
    ...         return 3.14
    >>> circle = Circle()
    >>> circle.area, vars(circle)
    (3.14, {'area': 3.14})
    """

    def __init__(self, compute: Callable[[Owner], Value]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> LazyValue[Owner, Value]: ...

    @overload
    def __get__(self, instance: Owner, owner: type[Owner] | None = None) -> Value: ...

    def __get__(
        self, instance: Owner | None, owner: type[Owner] | None = None
    ) -> LazyValue[Owner, Value] | Value:
        """Return the value of an object; later readings find it in the object itself."""
        if instance is None:
            return self
        return vars(instance).setdefault(self.name, self.compute(instance))  # type: ignore[no-any-return]  # vars is untyped
