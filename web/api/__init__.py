"""What the host's panel asks of us, service to service: `/api/v1`, in JSON, described by OpenAPI 3.1."""
