"""A form from a JSON Schema: braces, keys and quotes are given, values are slots (S3).

arXiv:2507.04504. What comes out always parses, and has the keys, types, number of items and
choices that the schema asks for. Lengths, ranges, patterns and formats of values are left to the
model. Every property is written, whether required or not.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from .confine import Confined
from .errors import PlaitError
from .layout import Codec, Layout, Segment
from .parts import Guide

UNSUPPORTED = {"not", "if", "contains", "uniqueItems", "patternProperties", "propertyNames"} | {
    "minProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
}
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
NULL = "<none>"  # what a prompt may ask for where there is no value, and to fill a slot up


@dataclass(frozen=True)
class Slot:
    """A value to be written, by its JSON pointer."""

    path: str
    kind: Literal["string", "integer", "number", "choice"]
    length: int = 0
    options: tuple[str, ...] = ()  # JSON texts
    nullable: bool = False
    quoted: bool = False  # the quotes around it are given

    def value(self, text: str) -> str:
        """The slot's text as JSON; of a quoted one what belongs between its quotes.

        A number is the first one in the text; where there is none it is 0 (or null).
        """
        text = text.replace(NULL, "").strip()
        if self.nullable and text in ("", "null"):
            return "null"
        if self.kind == "string":
            string = json.dumps(text, ensure_ascii=False)
            return string[1:-1] if self.quoted else string
        if self.kind == "choice":
            likeness = [difflib.SequenceMatcher(None, text, o).ratio() for o in self.options]
            return self.options[likeness.index(max(likeness))]
        found = re.search(r"(-?)([0-9]+)(\.[0-9]+)?", text)
        if found is None:
            return "null" if self.nullable else "0"
        fraction = found[3] or "" if self.kind == "number" else ""
        return f"{found[1]}{int(found[2])}{fraction}"


@dataclass(frozen=True)
class Rendered:
    """The literals and slots of a form, in order."""

    parts: tuple[str | Slot, ...]

    def __call__(self, texts: Mapping[str, str]) -> str:
        """Return the whole JSON text."""
        return "".join(p if isinstance(p, str) else p.value(texts[p.path]) for p in self.parts)


@dataclass(frozen=True)
class Confine:
    """Makes the guide that keeps letters out of numbers and choices to their options."""

    slots: tuple[Slot, ...]

    def __call__(self, codec: Codec, inner: Guide) -> Guide:
        """Return the guide around `inner`."""
        kinds = tuple(slot.kind for slot in self.slots)
        nullable = tuple(slot.nullable for slot in self.slots)
        texts = [(*s.options, *["null"] * s.nullable) for s in self.slots]
        options = tuple(tuple(tuple(codec.encode(o)) for o in some) for some in texts)
        return Confined(codec, kinds, options, nullable, inner)


@dataclass(frozen=True)
class Reader:
    """Walks a schema and collects the parts of its form."""

    root: Any
    items: int  # of an array that does not say how many

    def parts(self, schema: Any, path: str = "", inside: tuple[str, ...] = ()) -> list[str | Slot]:
        """Return the literals and slots of `schema`."""
        if schema is True or schema == {}:
            schema = {"type": "string"}
        if not isinstance(schema, dict):
            raise PlaitError(f"the schema at '{path or '/'}' is {schema!r}; it must be an object")
        if "$ref" in schema:
            target, inside = self._target(schema["$ref"], path, inside)
            return self.parts(target, path, inside)
        bad = sorted(UNSUPPORTED & schema.keys())
        if bad:
            raise PlaitError(f"the schema at '{path or '/'}' uses '{bad[0]}', which is not built")
        if "allOf" in schema:
            if not isinstance(schema["allOf"], list) or len(schema["allOf"]) != 1:
                raise PlaitError(
                    f"allOf at '{path or '/'}' must hold one schema; more is not built"
                )
            return self.parts(schema["allOf"][0], path, inside)
        if "const" in schema:
            return [json.dumps(schema["const"], ensure_ascii=False)]
        if "enum" in schema:
            return self._choice(schema["enum"], path)
        several = schema.get("anyOf", schema.get("oneOf"))
        if isinstance(schema.get("oneOf"), list) and len(schema["oneOf"]) > 2:
            raise PlaitError(f"oneOf at '{path or '/'}' has several forms; 'anyOf' takes the first")
        if several is None and isinstance(schema.get("type"), list):
            several = [{**schema, "type": kind} for kind in schema["type"]]
        if several is not None:
            return self._either(several, path, inside)
        return self._typed(schema, path, inside)

    def _target(self, ref: Any, path: str, inside: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise PlaitError(f"$ref {ref!r} at '{path or '/'}' does not point into the schema")
        if ref in inside:
            raise PlaitError(f"the schema refers to itself by '{ref}'; its form would have no end")
        target = self.root
        for key in [k.replace("~1", "/").replace("~0", "~") for k in ref[1:].split("/")[1:]]:
            if not isinstance(target, dict) or key not in target:
                raise PlaitError(f"$ref '{ref}' at '{path or '/'}' points to nothing")
            target = target[key]
        return target, (*inside, ref)

    def _choice(self, options: Any, path: str) -> list[str | Slot]:
        if not isinstance(options, list) or not options:
            raise PlaitError(f"enum at '{path or '/'}' must be a list with a value in it")
        texts = tuple(dict.fromkeys(json.dumps(o, ensure_ascii=False) for o in options))
        return [texts[0]] if len(texts) == 1 else [Slot(path, "choice", options=texts)]

    def _either(self, several: Any, path: str, inside: tuple[str, ...]) -> list[str | Slot]:
        """The first alternative that is not null; a single value may be null if one is."""
        if not isinstance(several, list) or not several:
            raise PlaitError(f"the alternatives at '{path or '/'}' must be a list of schemas")
        real = [s for s in several if not (isinstance(s, dict) and s.get("type") == "null")]
        if not real:
            return ["null"]
        parts = self.parts(real[0], path, inside)
        slots = [part for part in parts if isinstance(part, Slot)]
        alone = len(slots) == 1 and slots[0].path == path
        if len(real) == len(several) or not alone:
            return parts
        return [replace(slots[0], nullable=True, quoted=False)]

    def _typed(
        self, schema: dict[str, Any], path: str, inside: tuple[str, ...]
    ) -> list[str | Slot]:
        implied = "object" if "properties" in schema else "array" if "items" in schema else "string"
        kind = schema.get("type", implied)
        if kind not in TYPES:
            raise PlaitError(f"type {kind!r} at '{path or '/'}' is not one of {', '.join(TYPES)}")
        if kind == "object":
            return self._object(schema, path, inside)
        if kind == "array":
            return self._array(schema, path, inside)
        if kind == "null":
            return ["null"]
        if kind == "boolean":
            return [Slot(path, "choice", options=("true", "false"))]
        if kind == "string":
            return ['"', Slot(path, "string", quoted=True), '"']
        return [Slot(path, kind)]

    def _object(
        self, schema: dict[str, Any], path: str, inside: tuple[str, ...]
    ) -> list[str | Slot]:
        properties = schema.get("properties", {})
        if not isinstance(properties, dict):
            raise PlaitError(f"properties at '{path or '/'}' must be an object")
        missing = [k for k in schema.get("required", []) if k not in properties]
        if missing:
            raise PlaitError(f"'{missing[0]}' is required at '{path or '/'}' but is no property")
        members = []
        for key, value in properties.items():
            here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            head = json.dumps(key, ensure_ascii=False) + ": "
            members.append([head, *self.parts(value, here, inside)])
        return ["{", *_joined(members), "}"]

    def _array(
        self, schema: dict[str, Any], path: str, inside: tuple[str, ...]
    ) -> list[str | Slot]:
        prefix, least = schema.get("prefixItems", []), schema.get("minItems", 0)
        most = schema.get("maxItems", max(self.items, least))
        if not isinstance(least, int) or not isinstance(most, int) or most < least:
            raise PlaitError(f"minItems and maxItems at '{path or '/'}' must be whole and in order")
        more = schema.get("items", not prefix)
        count = max(least, min(max(self.items, len(prefix)), most))
        count = min(count, len(prefix)) if more is False else count
        if count < least:
            raise PlaitError(f"the array at '{path or '/'}' needs {least} items and forbids them")
        kinds = [*prefix, *[more] * count][:count]
        members = [self.parts(kind, f"{path}/{i}", inside) for i, kind in enumerate(kinds)]
        return ["[", *_joined(members), "]"]


def _joined(members: list[list[str | Slot]]) -> list[str | Slot]:
    return [p for i, member in enumerate(members) for p in ([", "] if i else []) + member]


def schema(source: Any, codec: Codec, tokens: int = 16, digits: int = 8, items: int = 2) -> Layout:
    """Return the form of a JSON Schema (a dict) or of a pydantic model (a class).

    Strings get `tokens` positions each (the paper's 16) and numbers `digits`; an array that does
    not say how many items it has gets `items`. Of alternatives the first is taken; a value that
    may be null stays a slot. Raises PlaitError for what cannot be promised.
    """
    if tokens < 1 or digits < 1 or items < 0:
        raise PlaitError("tokens and digits must be >= 1, and items 0 or more")
    if hasattr(source, "model_json_schema"):
        source = source.model_json_schema()
    literals, slots = [""], list[Slot]()
    for part in Reader(source, items).parts(source):
        if isinstance(part, str):
            literals[-1] += part
            continue
        most = max((len(codec.encode(o)) for o in (*part.options, "null")), default=1)
        length = {"string": tokens, "choice": most}.get(part.kind, digits)
        slots.append(replace(part, length=length, path=part.path or "/"))
        literals.append("")
    if not slots:
        raise PlaitError("the schema leaves nothing to write: all of its values are fixed")
    woven = [p for k, slot in enumerate(slots) for p in (literals[k], slot)]
    segments = tuple(Segment(s.path, s.length, literals[k]) for k, s in enumerate(slots))
    return Layout(
        segments,
        footer=literals[-1],
        render=Rendered((*woven, literals[-1])),
        confine=Confine(tuple(slots)),
    )
