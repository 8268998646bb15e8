"""A document as YAML text that `reading` reads back as the same. Knows no kind."""

from __future__ import annotations

from typing import Any

import yaml

from ..model import Json
from .building import is_text


class _Dumper(yaml.CSafeDumper):
    """Libyaml's emitter; it knows YAML 1.1, so texts that mean something in YAML 1.2 are put in quotes here."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never a short form for what stands there twice: a person reads it."""
        return True


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_text(text) else '"')


_Dumper.add_representer(str, _text)


def text_of(document: Json) -> str:
    """*document*, which is plain data, as the text of one YAML document, its keys in their order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
