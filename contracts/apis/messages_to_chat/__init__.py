"""The caller speaks Anthropic's messages, the provider speaks chat completions.

`request.to_chat` on the way out; `answer.to_message`, or `stream.MessageEventsOfChunks`, on the way back;
`replay.replay_message` makes a stream of a whole answer. Shapes: the `anthropic` SDK 2.12 and the `openai` SDK 3.54.
"""
