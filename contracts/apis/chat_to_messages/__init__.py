"""The caller speaks chat completions, the provider speaks Anthropic's messages.

`request.to_messages` on the way out; `answer.to_completion`, or `stream.ChunksOfMessage`, on the way back. Shapes: the
`openai` SDK 3.54 and the `anthropic` SDK 2.12.
"""
