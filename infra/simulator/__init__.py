"""A model provider for tests, benchmarks and a first start without keys: OpenAI's and Anthropic's chat APIs over HTTP.

Answers are a pure function of the request (`answers`), token counts follow one rule (`tokens`), and speed and named
faults are settings of the call (`knobs`). `server` composes and runs it. It imports no SDK and no framework, so that
it stays small beside what it is there to measure.
"""
