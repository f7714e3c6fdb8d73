"""The attack corpus: files and requests made to get past uploads, each under the name that docs/UPLOAD_ATTACKS.md uses.

Everything is made here; nothing in it harms anybody. EICAR is the string that scanners agree to call a virus.
"""
