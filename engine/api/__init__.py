"""The engine's answers over HTTP: views of the models, exports, and the stream of changes.

Owns what a view is (columns, filters, order), how a page of it is asked for and cached, and the events that tell
clients to ask again. Refuses authentication (engine.access puts the Principal beside each request), writing, and SQL
made from user text.
"""
