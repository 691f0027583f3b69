"""How each API is spoken over HTTP: where the key stands, how errors look, how a stream is framed and replayed."""
