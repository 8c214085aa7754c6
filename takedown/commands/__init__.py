"""The commands of `takedown`, one module for each kind of person who types them.

Every module has `add(commands)`, which declares its options, and functions that take the parsed options and
return an exit code. Heavy imports stay inside these functions, so that `takedown --help` is quick and the
holder's commands need no picture library.
"""
