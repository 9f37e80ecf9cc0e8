"""Shapes and types in signatures are checked in every test; users pay nothing for it."""

from jaxtyping import install_import_hook

install_import_hook("plait", "beartype.beartype")
