"""The pages: consent and start, in a session of the customer's own. Composed by `app.server`."""
