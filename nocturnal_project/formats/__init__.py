"""How dates and times are written, by language; Django asks for these before its own."""
