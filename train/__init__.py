"""Teaching the default model to read: makes the trained prefix that the program loads in place of
the instruction.
"""
