"""Which grounds the newest release carried, and what the policy must not undo of that.

A policy is edited by hand, and published lists cannot be called back. So a build is refused where the policy
would un-block what people decided, or publish in full what a release buried.
"""

from __future__ import annotations

from typing import Any

from portal.models import Release
from portal.policy import current
from portal.releasing import lists
from portal.releasing.plans import Plan
from takedown.errors import TakedownError


def refuse_lost(plan: Plan) -> None:
    """Nothing when the policy still carries what the newest release did.

    Raises:
        TakedownError: slugs ``policy-lost-ground``: a ground that listed entries stand on was renamed, or
            taken from an edition; ``policy-lost-restriction``: a ground whose entries a release buried is
            not restricted any more, or not carried there.
    """
    told = before()
    for edition in plan.lists:
        if lists.lost_grounds(plan, edition, told.get(edition, {}).get("grounds")):
            raise TakedownError(
                "policy.toml no longer carries a ground that listed entries stand on; put it back.",
                slug="policy-lost-ground",
            )
        if lost := set(told.get(edition, {}).get("buried", ())) - set(restricted(edition)):
            raise TakedownError(
                f"A release buried entries of the ground {min(lost)} in edition {edition}, and policy.toml "
                "no longer carries it there, or restricts it no longer; put it back as it was.",
                slug="policy-lost-restriction",
            )


def restricted(edition: str) -> list[str]:
    """The restricted grounds that an edition carries."""
    policy = current()
    return [name for name in policy.carried(edition) if policy.grounds[name].restricted]


def buried_since(edition: str, now: bool) -> list[str]:
    """The grounds whose entries an edition buries, ever since the first of them was listed.

    Args:
        edition: its name.
        now: whether the release in the making lists any.
    """
    return restricted(edition) if now else before().get(edition, {}).get("buried", [])


def before() -> dict[str, dict[str, Any]]:
    """What the desk keeps of the newest release, by edition."""
    last = Release.objects.filter(state=Release.State.PUBLISHED).order_by("-seq").first()
    return {one["edition"]: one for one in last.changes} if last else {}
