"""Tickets, leases and states: which migration works now, and what follows."""
