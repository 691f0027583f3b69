"""A model provider for tests, benchmarks and a first start without keys, over HTTP.

It speaks OpenAI's chat completions and embeddings, the same at Azure's paths, and Anthropic's messages.

Answers are a pure function of the request (`answers`), token counts follow one rule (`tokens`), and speed and named
faults are settings of the call (`knobs`). `server` composes and runs it. It imports no SDK and no framework, so that
it stays small beside what it is there to measure.
"""
