"""Whether a file is, from its first byte to its last, what its signature says.

A signature is eight bytes; what follows may be anything. Each format is walked by its own rules of length, nothing
is decoded or unpacked into memory, and the walk must end where the file ends: a file that is a picture to one program
and an archive or a script to another (a polyglot) has bytes that belong to no part of it.
"""
