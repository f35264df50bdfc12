"""The fields of forms in OpenDocument files: what is ticked, chosen or written in them."""

from typing import Any

from index.reading.xml_nodes import tag_of, value_of


def control(node: Any) -> str:
    """What is ticked, chosen or written in a field of a form."""
    name = value_of(node, "control")
    for each in node.getroottree().getroot().iterfind(".//{*}form//*"):
        if value_of(each, "id") != name:
            continue
        if tag_of(each) in ("checkbox", "radio"):
            on = value_of(each, "current-state", value_of(each, "state")) in ("checked", "true")
            on = on or value_of(each, "current-selected") == "true"
            return f"{'☒' if on else '☐'} {value_of(each, 'label')}".strip()
        options = (one for one in each if value_of(one, "current-selected") == "true")
        chosen = ", ".join(value_of(option, "label") for option in options)
        return chosen or value_of(each, "current-value") or value_of(each, "value")
    return ""


def field_mark(node: Any) -> str:
    """What is ticked or chosen in a field of a form that came from Word."""
    values: dict[str, list[str]] = {}
    for each in node.iter("{*}param"):
        values.setdefault(value_of(each, "name"), []).append(value_of(each, "value"))
    if value_of(node, "type").endswith("FORMCHECKBOX"):
        return "☒" if values.get("Checkbox_Checked") == ["true"] else "☐"
    entries = values.get("Dropdown_ListEntry", [])
    chosen = values.get("Dropdown_Selected", ["0"])[0]
    return entries[int(chosen)] if chosen.isdigit() and int(chosen) < len(entries) else ""
