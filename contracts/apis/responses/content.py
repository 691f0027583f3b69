"""The content of a message: from the Responses API's parts to those of chat completions."""

from contracts.apis.asked import object_at, text_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.responses.nulls import given

_TEXTS = ("input_text", "output_text", "text")
_OF_AN_ANSWER = ("type", "text", "annotations", "logprobs")
_OF_A_FILE = ("file_data", "file_id", "filename")


def to_content(content: object, path: str, fields: Fields) -> str | list[Json]:
    """Chat content: text alone as a string, which every server takes, else a list of parts.

    Raises `PenstockError` (`invalid_request`) for what is no content, and through `fields` for what a chat can't hold.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid(path, "must be text or a list of content parts")
    made = (
        _part(object_at(part, f"{path}[{index}]"), f"{path}[{index}]", fields) for index, part in enumerate(content)
    )
    return simplest([part for part in made if part is not None])


def to_assistant_content(content: object, path: str, fields: Fields) -> tuple[str | list[Json] | None, str | None]:
    """The content and the refusal of an assistant's message; a chat keeps them apart. Raises as `to_content` does."""
    if not isinstance(content, list):
        return to_content(content, path, fields), None
    refusals: list[str] = []
    parts: list[Json] = []
    for index, value in enumerate(content):
        part = object_at(value, f"{path}[{index}]")
        if part.get("type") == "refusal":
            refusals.append(text_at(part.get("refusal"), f"{path}[{index}].refusal"))
        elif (made := _part(part, f"{path}[{index}]", fields)) is not None:
            parts.append(made)
    if refusals:
        return (simplest(parts) if parts else None), "".join(refusals)
    return simplest(parts), None


def simplest(parts: list[Json]) -> str | list[Json]:
    """A string where the parts say no more than one."""
    if not parts:
        return ""
    only = parts[0]
    return only["text"] if len(parts) == 1 and only.keys() == {"type", "text"} else parts


def _part(part: Json, path: str, fields: Fields) -> Json | None:
    match part.get("type"):
        case kind if kind in _TEXTS:
            text = text_at(part.get("text"), f"{path}.text")
            return {"type": "text", "text": text, **_rest(part, *_OF_AN_ANSWER)}
        case "input_image":
            return _image(part, path, fields)
        case "input_file":
            return _file(part, path, fields)
        case "input_audio":
            return {"type": "input_audio", "input_audio": object_at(part.get("input_audio"), f"{path}.input_audio")}
        case str():
            fields.cannot(path)
            return None
        case _:
            raise invalid(f"{path}.type", "must be a string")


def _image(part: Json, path: str, fields: Fields) -> Json | None:
    if part.get("image_url") is None and part.get("file_id") is not None:
        fields.cannot(f"{path}.file_id")
        return None
    image = {"url": text_at(part.get("image_url"), f"{path}.image_url")}
    if part.get("detail") is not None:
        image["detail"] = part["detail"]
    return {"type": "image_url", "image_url": image, **_rest(part, "type", "image_url", "detail", "file_id")}


def _file(part: Json, path: str, fields: Fields) -> Json | None:
    if part.get("file_url") is not None:
        fields.cannot(f"{path}.file_url")
        return None
    if part.get("detail") not in (None, "auto"):
        fields.cannot(f"{path}.detail")
    file = given({name: part.get(name) for name in _OF_A_FILE})
    if not file.keys() & {"file_data", "file_id"}:
        raise invalid(f"{path}.file_data", "is required")
    return {"type": "file", "file": file, **_rest(part, "type", "file_url", "detail", *_OF_A_FILE)}


def _rest(part: Json, *known: str) -> Json:
    return {name: value for name, value in given(part).items() if name not in known}
