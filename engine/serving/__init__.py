"""What `engine.service` joins to serve: ports, listeners, doors, the first fork of a request, health, and the thread
that keeps the models up to date.

Owns the edges of the process. Refuses to interpret what comes through them: that is ingest's and the API's business.
"""
