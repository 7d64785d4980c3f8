"""What all claims share: the key `is` names the form."""

import msgspec


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="is"):
    """A claim. `findings` of each form hold it against its sum."""
