"""Equations in a line, and what is set higher or lower."""

from typing import Any

from index.reading.xml_nodes import tag_of, value_of

_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_FORMS = {  # how the parts of an element of an equation stand in a line
    "f": "({})/({})", "mfrac": "({})/({})", "msup": "{}^({})", "mover": "{}^({})",
    "msub": "{}_({})", "munder": "{}_({})", "msubsup": "{}_({})^({})",
    "munderover": "{}_({})^({})", "mroot": "({})^(1/({}))",
}  # fmt: skip
_ROUND = {"msqrt": "√({})", "sup": "^({})", "sub": "_({})", "lim": "_({})"}
_BETWEEN = {"m": " ; ", "mtable": " ; ", "eqArr": " ; ", "mr": ", ", "mtr": ", ", "func": " "}


def raised(text: str, *, down: bool = False) -> str:
    """Superscript (or subscript) text: 10⁶, H₂O, XIXe, xᵃ⁺ᵇ as x^(a+b)."""
    bare = text.strip()
    if not bare or bare.startswith("["):
        return text
    moved = bare.translate(_LOWERED if down else _RAISED)
    if moved != bare and not any(char.isascii() for char in moved):
        return moved
    if bare.isalpha() or not any(map(str.isalnum, bare)):
        return text
    return ("_" if down else "^") + (bare if bare.isalnum() else f"({bare})")


def equation(node: Any) -> str:
    """An equation of Office or MathML in a line: (a+b)/(2), x^(2), √(x), ∑_(i=1)^(n)."""
    tag = tag_of(node)
    if tag in ("t", "mi", "mn", "mo", "mtext", "ms"):
        return "".join(node.itertext()).strip()
    if tag == "naryPr":
        return value_of(node.find("{*}chr"), default="∫")
    if tag.endswith("Pr") or tag in ("annotation", "annotation-xml", ""):
        return ""
    parts = [equation(child) for child in node if not tag_of(child).endswith("Pr") or tag == "nary"]
    text = "".join(parts)
    if tag in _FORMS and len(parts) == _FORMS[tag].count("{}"):
        text = _FORMS[tag].format(*parts)
    elif tag in _ROUND and text:
        text = _ROUND[tag].format(text)
    elif tag == "rad":
        degree, inner = ["", *parts][-2:]
        text = f"({inner})^(1/({degree}))" if degree else f"√({inner})"
    elif tag in ("d", "mfenced"):
        first = value_of(node.find("{*}dPr/{*}begChr"), default=value_of(node, "open", "("))
        last = value_of(node.find("{*}dPr/{*}endChr"), default=value_of(node, "close", ")"))
        between = value_of(node.find("{*}dPr/{*}sepChr"), default="|" if tag == "d" else ", ")
        text = f"{first}{between.join(parts)}{last}"
    elif tag in _BETWEEN:
        text = _BETWEEN[tag].join(parts)
    elif tag == "acc":
        text += value_of(node.find("{*}accPr/{*}chr"), default="\u0302")
    elif tag == "bar":
        text += "\u0305" if value_of(node.find("{*}barPr/{*}pos")) == "top" else "\u0332"
    return text
