"""Documents + JSON Schema -> Manifests, or every problem at once, each with its place, its rule and the way out. Pure.

jsonschema-rs accepts what is valid; what it does not accept goes to jsonschema, which judges, and whose errors are
worded here. After the schemas come the rules between manifests, then each kind's own. Knows the schemas' words; knows
no YAML, no live row, and not that HTTP exists.
"""

from .checking import (
    API_VERSION,
    MAX_TOLD,
    SCHEMAS,
    Checked,
    Document,
    breaches,
    check,
    in_order,
    manifest_of,
    nowhere,
    vetting,
)
from .validators import NAMES, is_accepted, load_schema, violations
from .wording import Breach, Locate, breach, nearest

__all__ = [
    "API_VERSION", "MAX_TOLD", "NAMES", "SCHEMAS", "Breach", "Checked", "Document", "Locate", "breach", "breaches",
    "check", "in_order", "is_accepted", "load_schema", "manifest_of", "nearest", "nowhere", "vetting", "violations",
]  # fmt: skip
