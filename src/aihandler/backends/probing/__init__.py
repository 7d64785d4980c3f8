"""Finds out what a server really does: questions, their judgement, and what follows from it.

`sends` and `caller` put one question on the wire, the modules of questions judge what comes back,
`catalogue` lists them with their bounds, `overlay` lays verdicts over a profile, `version` asks
which server it is.
"""
