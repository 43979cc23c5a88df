"""What a tracker leaves out, by what can be told to a process: a function's name, and texts for it."""

import importlib
import os
from typing import cast

from .watching import Excluded


def matcher(name: str, exclusions: list[str]) -> Excluded:
    """The callable that "module:function" makes of texts."""
    module, _, function = name.partition(":")
    return cast(Excluded, getattr(importlib.import_module(module), function)(exclusions))


def trees(exclusions: list[str]) -> Excluded:
    """Whole trees and single files, by their paths below the root."""
    paths = frozenset(os.fsencode(path).strip(b"/") for path in exclusions)

    def excluded(path: bytes, is_dir: bool) -> bool:
        while path:
            if path in paths:
                return True
            path = path.rpartition(b"/")[0]
        return False

    return excluded if paths else lambda path, is_dir: False
