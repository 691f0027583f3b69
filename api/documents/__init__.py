"""Files, vector stores and documents over HTTP: OpenAI's API, and ours for many documents at once."""
