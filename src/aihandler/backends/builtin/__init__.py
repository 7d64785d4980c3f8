"""Models of this process: they classify, extract and summarise, and need nothing from outside.

They are not language models: each does one thing, says how sure it is, and passes when it is not.
"""
