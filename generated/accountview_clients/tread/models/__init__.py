# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What the venue's operations take and answer."""
# isort: skip_file

from .account import Account
from .account_balances import AccountBalances
from .account_margin_mode import AccountMarginMode
from .accounts_wrapped import AccountsWrapped
from .archive_account_request import ArchiveAccountRequest
from .asset import Asset
from .asset_type import AssetType
from .cached_asset import CachedAsset
from .cached_balance import CachedBalance
from .cached_balances import CachedBalances
from .create_account_request import CreateAccountRequest
from .done import Done
from .market_type import MarketType
from .problem_object import ProblemObject
from .set_leverage_request import SetLeverageRequest
from .set_leverage_request_margin_mode import SetLeverageRequestMarginMode
from .update_account_request import UpdateAccountRequest
from .wallet_equity import WalletEquity
from .balances_by_account import BalancesByAccount
from .cached_errors import CachedErrors
from .credential_options import CredentialOptions

__all__ = (
    "Account",
    "AccountBalances",
    "AccountMarginMode",
    "AccountsWrapped",
    "ArchiveAccountRequest",
    "Asset",
    "AssetType",
    "BalancesByAccount",
    "CachedAsset",
    "CachedBalance",
    "CachedBalances",
    "CachedErrors",
    "CreateAccountRequest",
    "CredentialOptions",
    "Done",
    "MarketType",
    "ProblemObject",
    "SetLeverageRequest",
    "SetLeverageRequestMarginMode",
    "UpdateAccountRequest",
    "WalletEquity",
)
