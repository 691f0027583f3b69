"""The index in PostgreSQL: documents, versions of an index, their chunks and postings, and the search over them."""
