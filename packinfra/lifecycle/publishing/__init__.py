"""The life that all publishing resources share; each family of them adds its content (family.py)."""
