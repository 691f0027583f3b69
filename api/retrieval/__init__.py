"""Searching stores, measuring how well that goes, and what people think of it: asked of the retrieval worker."""
