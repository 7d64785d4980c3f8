"""A JSON value with one place of it changed, place after place."""

import json

# Put in a place, it takes the place away.
DROPPED = object()


def places(value, path=()):
    """Where something stands in it: keys and indices."""
    if path:
        yield path
    if isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(one, (*path, key))


def damaged(whole, path, put):
    """A copy with this in that place."""
    copy = json.loads(json.dumps(whole))
    at = copy
    for key in path[:-1]:
        at = at[key]
    if put is DROPPED:
        del at[path[-1]]
    else:
        at[path[-1]] = put
    return copy
