"""The APIs of others, as pure functions over their JSON: what is asked, what is answered, and from one to another.

Chat completions are the pivot: what no provider speaks natively goes through them. No I/O, and no exception for what
a provider may send but `KeyError`, `TypeError` and `ValueError`.
"""
