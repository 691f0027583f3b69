"""The ids of items: made from the Response's own, so that a stream and its stored answer agree on them."""

_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
    "file_search_call": "fs",
}
_OF_RESPONSES = "resp_"


def item_id(kind: str, response_id: str, number: int | str) -> str:
    """`msg_<response>_<number>`; `number` counts the items of one kind."""
    return f"{_PREFIXES.get(kind, 'item')}_{_seed(response_id)}_{number}"


def call_id(response_id: str, number: int) -> str:
    """The id of a tool call whose provider gave it none: the caller needs one to answer it."""
    return f"call_{_seed(response_id)}_{number}"


def _seed(response_id: str) -> str:
    return response_id.removeprefix(_OF_RESPONSES)
