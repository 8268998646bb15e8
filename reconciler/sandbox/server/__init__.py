"""The part of the sandbox that is Django: rows, validation, permissions. Imported only once a sandbox is made."""
