"""What a server can do, as CAPA tells it: :class:`Capabilities`.

The lines are read in the core; here they get the shape that Python users
expect.
"""

from typing import Any, NamedTuple

__all__ = ["Capabilities", "Expire", "LoginDelay"]


class Expire(NamedTuple):
    """For how long a server keeps messages (RFC 2449 section 6.7).

    Attributes:
        days: Days; 0 says that what was fetched may be deleted at QUIT.
            ``None`` stands for ``NEVER``.
        per_user: True if it may differ from user to user: what the server
            says after the login counts.
    """

    days: int | None
    per_user: bool


class LoginDelay(NamedTuple):
    """The least time between two logins (RFC 2449 section 6.5).

    Attributes:
        seconds: The delay.
        per_user: True if it may differ from user to user: what the server
            says after the login counts.
    """

    seconds: int
    per_user: bool


class Capabilities(dict[str, list[str]]):
    """The parameters of each capability by its tag in upper case, unknown ones too.

    What the RFCs give a form has an attribute beside it.

    Attributes:
        auth_resp_code: ``[AUTH]`` marks every refusal that is due to the name
            or the secret (RFC 3206 section 3).
        expire: For how long messages stay (RFC 2449 section 6.7).
        implementation: What the server calls itself (RFC 2449 section 6.9).
        lang: The language of texts can be chosen (RFC 6856 section 3).
        login_delay: The least time between two logins (RFC 2449 section 6.5).
        pipelining: Commands may be sent before the answers to earlier ones
            (RFC 2449 section 6.6).
        resp_codes: Replies may begin with a code in brackets (RFC 2449
            section 6.4).
        sasl: The SASL mechanisms, as the server writes them (RFC 5034
            section 3).
        stls: TLS can begin on this connection (RFC 2595 section 4).
        top: Headers can be fetched by themselves (RFC 2449 section 6.1).
        uidl: Messages have unique ids (RFC 2449 section 6.8).
        user: USER and PASS are taken (RFC 2449 section 6.2).
        utf8: Texts and header fields may be in UTF-8 (RFC 6856 section 2).
        utf8_user: Names and passwords may be in UTF-8 (RFC 6856 section 2.2).
    """

    auth_resp_code: bool
    expire: Expire | None
    implementation: str | None
    lang: bool
    login_delay: LoginDelay | None
    pipelining: bool
    resp_codes: bool
    sasl: list[str]
    stls: bool
    top: bool
    uidl: bool
    user: bool
    utf8: bool
    utf8_user: bool


def make(
    parameters: dict[str, list[str]],
    *,
    expire: tuple[int | None, bool] | None,
    login_delay: tuple[int, bool] | None,
    **typed: Any,
) -> Capabilities:
    """Makes the object for what the core has read."""
    capabilities = Capabilities(parameters)
    vars(capabilities).update(
        typed,
        expire=None if expire is None else Expire(*expire),
        login_delay=None if login_delay is None else LoginDelay(*login_delay),
    )
    return capabilities
