"""The local Google: a stand-in for OAuth and Gmail, reached by URL only."""
