"""What a caller may see.

Owns the step from the Principal, which the door put beside the request, to the rows that it may read: everything for
viewers, leads and admins, own rows for developers, the key's projects for keys that name some. Refuses to
authenticate, and refuses everything when there is no Principal at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from engine.access.principal import Principal
from engine.access.problems import Problem


@dataclass(frozen=True, slots=True)
class Sight:
    """The rows a caller may read. None: no restriction."""

    developer: str | None = None
    projects: tuple[str, ...] | None = None

    @property
    def restricted(self) -> bool:
        return self.developer is not None or self.projects is not None


EVERYTHING = Sight()


def principal_of(connection: HTTPConnection) -> Principal:
    """Who is asking. Raises Problem 401 when no door said so."""
    principal = connection.scope.get("state", {}).get("principal")
    if not isinstance(principal, Principal):
        raise Problem(401, "an API key is needed: send Authorization: Bearer KEY or x-api-key: KEY", "unauthenticated")
    return principal


def sight_of(principal: Principal) -> Sight:
    """What `principal` may read. Raises Problem 403 for keys that may only send."""
    if not principal.may_read:
        raise Problem(403, f"a key of role {principal.role} may send data, not read it", "forbidden")
    if principal.role != "developer":
        return Sight(projects=principal.projects)
    if principal.developer_id is None:
        raise Problem(403, "this developer key belongs to no developer, so no rows are its own", "forbidden")
    return Sight(developer=principal.developer_id, projects=principal.projects)
