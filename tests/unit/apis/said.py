"""What is said in a request, whichever API it is for: what a translator must keep."""

import json
from typing import Any

Json = dict[str, Any]
Said = list[tuple[Any, ...]]


def said_in_chat(request: Json) -> Said:
    """Who said, showed, called and got back what, in order, the system first."""
    said: Said = []
    for message in request["messages"]:
        role = "system" if message["role"] == "developer" else message["role"]
        content = message.get("content") or ""
        if role == "tool":
            said.append(("result", message["tool_call_id"], letters(content)))
            continue
        for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            said.append((role, letters(part["text"])) if part["type"] == "text" else (role, "shows", part))
        for call in message.get("tool_calls") or ():
            said.append(("call", call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])))
    return run_together([item for item in said if item[0] == "system"] + [item for item in said if item[0] != "system"])


def said_in_messages(request: Json) -> Said:
    """The same of a request for messages. Thinking and cache breakpoints are not said."""
    said: Said = [("system", letters(request.get("system") or ""))]
    for turn in request["messages"]:
        content = turn["content"]
        for block in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            match block["type"]:
                case "text":
                    said.append((turn["role"], letters(block["text"])))
                case "tool_use":
                    said.append(("call", block["id"], block["name"], block["input"]))
                case "tool_result":
                    said.append(("result", block["tool_use_id"], letters(block.get("content", ""))))
                case "image" | "document":
                    said.append((turn["role"], "shows", block["source"], block.get("title")))
    return run_together(said)


def letters(content: str | list[Json]) -> str:
    """Texts without white space: where one ends and the next begins is a translator's own choice."""
    said = content if isinstance(content, str) else "".join(part["text"] for part in content)
    return "".join(said.split())


def run_together(said: Said) -> Said:
    """What one role says without a break is one text; nothing said is nothing."""
    joined: Said = []
    for item in said:
        if len(item) != 2:
            joined.append(item)
        elif joined and len(joined[-1]) == 2 and joined[-1][0] == item[0]:
            joined[-1] = (item[0], joined[-1][1] + item[1])
        elif item[1]:
            joined.append(item)
    return joined
