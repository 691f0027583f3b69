"""Text as PostgreSQL takes it. Pure."""


def storable(text: str) -> str:
    """As PostgreSQL can store it: it knows neither U+0000 nor half a surrogate pair. As many characters as before."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
