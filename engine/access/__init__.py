"""Who may: keys, roles, local callers, and the answers to those who may not.

Owns authentication and authorisation of every door (TCP, gRPC, Unix socket). Refuses to know what is behind the door.
"""
