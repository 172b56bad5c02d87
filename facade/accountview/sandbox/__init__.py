"""The venues as one server on loopback: it checks what they check, keeps state, and answers in their own dialects.

    with Sandbox() as sandbox:
        sandbox.write_accounts(Path("demo/accounts.toml"))
        sandbox.fail("bfx", "getPositions", status=520, body=b"<html>")

It is a double, not a simulator: nothing trades. What it knows of a venue is the installed spec and one module in
`dialects` that is named like the venue. Needs the extra `accountview[sandbox]`.
"""

from accountview.errors import UsageError

try:
    from accountview.sandbox.application import application, load_dialects
    from accountview.sandbox.faults import Faults
    from accountview.sandbox.server import Sandbox
except ModuleNotFoundError as error:
    package = (error.name or "").partition(".")[0]
    if package not in ("starlette", "uvicorn"):
        raise
    raise UsageError(
        f"the sandbox needs {package}, which is not installed: pip install 'accountview[sandbox]'"
    ) from error

__all__ = ["Faults", "Sandbox", "application", "load_dialects"]
