"""Signs drafts of the form for the measured desk: reads addresses on standard input, answers in JSON."""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    django.setup()
    from portal.asking.drafts import Draft

    have = ("addresses",)
    drafts = [Draft(ground="private", have=have, addresses=address) for address in json.load(sys.stdin)]
    json.dump([draft.sealed() for draft in drafts], sys.stdout)


if __name__ == "__main__":
    main()
