"""Frozen values with slots, as `dataclasses` makes them, without what that costs a hook.

`dataclasses` loads `inspect` and compiles six methods for every class: a third of the time that a refusal takes.
This compiles one method, and all classes share the others.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, dataclass_transform

    _Class = TypeVar("_Class", bound=type)
    _Value = TypeVar("_Value")
else:

    def dataclass_transform(**_):
        """Stand in for what only type checkers read."""
        return lambda function: function


class FrozenError(AttributeError):
    """Somebody tried to change a value."""


@dataclass_transform(frozen_default=True)
def frozen(cls: _Class) -> _Class:
    """Turn a class of annotated fields into a frozen value: slots, `==`, `hash`, `repr`, pickling, patterns.

    Defaults are shared by all instances, so they have to be immutable. Methods the class has itself are kept.
    """
    names = tuple(cls.__annotations__)
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    dropped = {*defaults, "__dict__", "__weakref__"}
    body = {name: each for name, each in cls.__dict__.items() if name not in dropped}
    body.update(__slots__=names, __match_args__=names, __setattr__=_refuse, __delattr__=_refuse)
    for name, method in _SHARED.items():
        body.setdefault(name, method)
    body["__init__"] = _initialiser(names, defaults)
    made = type(cls)(cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    return made


def replace(original: _Value, /, **changes: Any) -> _Value:
    """`original` with some fields changed."""
    names: tuple[str, ...] = original.__match_args__  # type: ignore[attr-defined]
    kept = {name: getattr(original, name) for name in names if name not in changes}
    return type(original)(**kept, **changes)


def fields(cls: type) -> tuple[str, ...]:
    """The names of the fields of a class that `frozen` made, in their order."""
    names: tuple[str, ...] = cls.__match_args__  # type: ignore[attr-defined]
    return names


def _initialiser(names: tuple[str, ...], defaults: dict[str, object]) -> object:
    """The one method that has to know the fields by name, so that a wrong call fails as any other does."""
    parameters = ", ".join(f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names)
    body = "".join(f"\n    _set(self, {name!r}, {name})" for name in names) or "\n    pass"
    scope: dict[str, object] = {"_set": object.__setattr__, "_defaults": defaults}
    exec(f"def __init__(self, {parameters}):{body}", scope)  # noqa: S102 - names of this package's own fields
    return scope["__init__"]


def _contents(self: object) -> tuple[object, ...]:
    return tuple([getattr(self, name) for name in fields(type(self))])


def _equal(self: object, other: object) -> object:
    if type(self) is not type(other):
        return NotImplemented
    return _contents(self) == _contents(other)


def _hash(self: object) -> int:
    return hash((type(self), _contents(self)))


def _represent(self: object) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields(type(self)))
    return f"{type(self).__qualname__}({shown})"


def _reduce(self: object) -> tuple[type, tuple[object, ...]]:
    return type(self), _contents(self)


def _refuse(self: object, name: str, *_: object) -> None:
    raise FrozenError(f"{type(self).__name__}.{name} cannot be changed: values are frozen")


_SHARED = {"__eq__": _equal, "__hash__": _hash, "__repr__": _represent, "__reduce__": _reduce}
