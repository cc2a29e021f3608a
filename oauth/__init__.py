"""Consent at Google, the vault for its tokens, and their revocation."""
