"""OpenAI's Responses API, answered by any provider: https://platform.openai.com/docs/api-reference/responses.

Requests become chat completions, and chat completions and their chunks become Responses and their events. The shapes
are those of the `openai` SDK 3.54 (`openai.types.responses`). Nothing is stored here: a request that goes on from an
earlier Response gets that one's items put in (`items.continued`) before it is translated.
"""
