"""The HTTP service: the registry for applications. Needs the extra `service`."""
