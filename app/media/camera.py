"""The camera's name, of what its maker and its model are called in a file."""

CAMERA_CHARACTERS = 100


def camera_name(make: str | None, model: str | None) -> str | None:
    """Said once, where the model begins with the maker; None where nothing printable is left."""
    make, model = _clean(make), _clean(model)
    if model.casefold().startswith(make.casefold()):
        make = ""
    return f"{make} {model}".strip()[:CAMERA_CHARACTERS].rstrip() or None


def _clean(text: str | None) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(printable.replace("\ufffd", " ").split())
