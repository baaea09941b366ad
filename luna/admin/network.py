"""`/api/network-profiles` and `/api/egress/direct-ip`: the ways out and their checks.

Field names are LunaProxy's. A proxy's user and password go in and never come out. A profile that an account leaves by
is not removed unseen.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.admin.paging import milliseconds, query_of
from luna.model.errors import Kind, LunaError
from luna.state.egress import Egress
from luna.state.network import Mode, Network, NetworkProfile, Status, Verified
from luna.state.roster import Roster
from luna.upstream.proxy_address import ProxyAddress

Id = Annotated[str, Meta(max_length=64)]
Url = Annotated[str, Meta(max_length=2_000)]
Text = Annotated[str, Meta(max_length=120)]


class ProfileBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a profile is to be. A field that is left out stays as it was, null is the empty one. What luna found out
    itself (`status`, `lastVerifiedIp` …) may be sent back and is not read."""

    id: Id | UnsetType = UNSET
    name: Text | UnsetType | None = UNSET
    mode: Mode | UnsetType = UNSET
    proxy_url: Url | UnsetType | None = UNSET
    local_address: Text | UnsetType | None = UNSET
    expected_ip: Text | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    verify_ip_url: Url | UnsetType | None = UNSET
    status: Any = None
    proxy: Any = None
    last_verified_ip: Any = None
    last_verified_at: Any = None
    last_checked_at: Any = None
    last_error: Any = None


class ProfileView(msgspec.Struct, rename="camel", omit_defaults=True):
    """A profile as it may be shown. Times are milliseconds since the epoch."""

    id: str
    name: str
    mode: Mode
    enabled: bool
    status: Status
    proxy: str = ""
    """Scheme, host and port; without user and password."""
    local_address: str = ""
    expected_ip: str = ""
    verify_ip_url: str = ""
    last_verified_ip: str = ""
    last_verified_at: int | None = None
    last_checked_at: int | None = None
    last_error: str = ""
    """Why the last check failed."""


class ProfileChecked(msgspec.Struct, rename="camel", omit_defaults=True):
    """What a check of a profile found. `match`: it shows an address, and the expected one if there is such."""

    profile_id: str
    match: bool
    ip: str = ""
    expected_ip: str = ""
    error: str = ""


class DirectIp(msgspec.Struct, omit_defaults=True):
    """The address of the straight way out. `source` is direct, or direct-error with the error."""

    ip: str
    source: str
    error: str = ""


class ProfileRemoval(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`DELETE /api/network-profiles/{id}`."""

    force: Annotated[bool, Meta(description="Also where accounts have it; they cannot leave without another.")] = False


class WayRemoved(msgspec.Struct):
    """It is gone."""

    ok: bool


def routes(network: Network, egress: Egress, accounts: Roster) -> list[Operation]:
    """The routes of this subject."""

    async def profiles(_: Request) -> Response:
        return json([_profile(profile) for profile in network.profiles()])

    async def add_profile(request: Request) -> Response:
        return await _put(network, await read(request, ProfileBody), "")

    async def change_profile(request: Request) -> Response:
        return await _put(network, await read(request, ProfileBody), request.path_params["id"])

    async def remove_profile(request: Request) -> Response:
        profile = network.profile(request.path_params["id"])
        if not query_of(request, ProfileRemoval).force:
            _check_unused(profile, accounts)
        await network.remove_profile(profile.id)
        return json(WayRemoved(ok=True))

    async def verify_profile(request: Request) -> Response:
        verified = await egress.verify_profile(request.path_params["id"])
        profile = network.profile(request.path_params["id"])
        match, ip = matches(verified, profile.expected_ip), seen(verified)
        return json(ProfileChecked(profile.id, match, ip, profile.expected_ip, verified.error))

    async def direct_ip(_: Request) -> Response:
        verified = await egress.direct_ip()
        return json(DirectIp(seen(verified), "direct-error" if verified.error else "direct", verified.error))

    one = "/network-profiles/{id}"
    add, change = "Add or change one.", "Change or add one."
    return [
        Operation("GET", "/network-profiles", profiles, "The ways out.", gives=list[ProfileView]),
        Operation("POST", "/network-profiles", add_profile, add, takes=ProfileBody, gives=ProfileView, also=(201,)),
        Operation("PUT", one, change_profile, change, takes=ProfileBody, gives=ProfileView, also=(201,)),
        Operation(
            "DELETE",
            one,
            remove_profile,
            "Remove one. Refused with 409 where accounts have it, unless that is forced.",
            asks=ProfileRemoval,
            gives=WayRemoved,
        ),
        Operation("POST", f"{one}/verify", verify_profile, "Ask, by this way, for its address.", gives=ProfileChecked),
        Operation("GET", "/egress/direct-ip", direct_ip, "Ask for the address of the straight way.", gives=DirectIp),
    ]


def _check_unused(profile: NetworkProfile, accounts: Roster) -> None:
    users = [account.id for account in accounts.all() if account.network_profile == profile.id]
    if users:
        raise LunaError(
            Kind.CONFLICT,
            f"Network profile '{profile.id}' is that of {', '.join(users[:5])}{' and others' if users[5:] else ''}.",
            hint="Give the accounts another profile first; with `force=true` it is removed, and they cannot leave.",
        )


async def _put(network: Network, body: ProfileBody, profile_id: str) -> Response:
    name = named(body.id, profile_id)
    known = network.find_profile(name)
    profile = msgspec.structs.replace(known or NetworkProfile(name), **(given(body, NetworkProfile) | {"id": name}))
    return json(_profile(await network.put_profile(profile)), 200 if known else 201)


def given(body: msgspec.Struct, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields that were sent and are the record's; null is the empty one."""
    names = set(kind.__struct_fields__) - {"verified"}
    sent = ((name, getattr(body, name)) for name in body.__struct_fields__ if name in names)
    return {name: "" if value is None else value for name, value in sent if value is not UNSET}


def named(said: str | UnsetType, in_path: str) -> str:
    """The id that is meant. Raises LunaError(BAD_REQUEST)."""
    name = in_path or ("" if said is UNSET else said)
    if not name:
        raise LunaError(Kind.BAD_REQUEST, "id: it needs a name.", param="id")
    if in_path and said is not UNSET and said != in_path:
        raise LunaError(Kind.BAD_REQUEST, "id: it is another one than in the path.", param="id")
    return name


def seen(verified: Verified) -> str:
    """The address that the last check saw; "" when it failed."""
    return "" if verified.error else verified.ip


def matches(verified: Verified, expected: str) -> bool:
    """Whether the last check saw an address, and the right one."""
    return bool(seen(verified)) and expected in ("", verified.ip)


def findings(verified: Verified | None) -> dict[str, Any]:
    """What every view says of the checks so far."""
    if verified is None:
        return {}
    return {
        "last_verified_ip": verified.ip,
        "last_verified_at": milliseconds(verified.at) if verified.at else None,
        "last_checked_at": milliseconds(verified.tried),
        "last_error": verified.error,
    }


def _profile(profile: NetworkProfile) -> ProfileView:
    return ProfileView(
        id=profile.id,
        name=profile.name or profile.id,
        mode=profile.mode,
        enabled=profile.enabled,
        status=profile.status,
        proxy=str(ProxyAddress.parse(profile.proxy_url)) if profile.proxy_url else "",
        local_address=profile.local_address,
        expected_ip=profile.expected_ip,
        verify_ip_url=profile.verify_ip_url,
        **findings(profile.verified),
    )
