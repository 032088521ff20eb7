"""The camera's name, built from the maker and the model in a file's metadata."""

CAMERA_CHARACTERS = 100


def camera_name(make: str | None, model: str | None) -> str | None:
    """Return maker and model, the maker once if the model begins with it; None if nothing printable is left."""
    make, model = _clean(make), _clean(model)
    if model.casefold().startswith(make.casefold()):
        make = ""
    return f"{make} {model}".strip()[:CAMERA_CHARACTERS].rstrip() or None


def _clean(text: str | None) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(printable.replace("\ufffd", " ").split())
