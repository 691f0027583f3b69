"""Prompts that are answered from documents: what is searched for, how the model is told, and what its answer cites.

For OpenAI's APIs, whichever provider answers: https://platform.openai.com/docs/guides/tools-file-search. Pure.
"""
