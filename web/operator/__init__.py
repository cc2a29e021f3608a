"""The operators' console: the pages of those who run the imports, with their own sign-in, sessions and rights."""
