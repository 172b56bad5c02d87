# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Market to whether a key is used for it. Seen: default, spot, usd_futures, coin_futures, futures,
options, otc, unified."""

CredentialOptions = dict[str, bool]
