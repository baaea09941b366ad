"""LunaProxy's accounts as luna's records, and the way back."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.qwen.credentials import Credentials
from luna.state.credentials import Record
from luna.state.lunaproxy_accounts import accounts_of, login_of, provider_of


def document(*accounts: object, **provider: Any) -> dict[str, Any]:
    return {"providers": [{"id": "qwen-ai", "name": "Qwen AI (International)", "accounts": [*accounts], **provider}]}


def jwt(user: str, more: str = "") -> str:
    payload = base64.urlsafe_b64encode(msgspec.json.encode({"id": user, "more": more})).decode().rstrip("=")
    return f"e30.{payload}.x"


def test_an_account_with_everything() -> None:
    taken = accounts_of(
        document(
            {
                "id": "work",
                "name": "At work",
                "enabled": False,
                "credentials": {"token": "t", "cookies": "a=1; b=2"},
                "maxConcurrentRuns": 3,
                "networkProfileId": "office",
                "status": "active",
            }
        )
    )
    credentials = Credentials.read({"token": "t", "cookies": "a=1; b=2"})
    assert taken.records == [
        Record(
            "work",
            "qwen-ai",
            credentials,
            label="At work",
            enabled=False,
            max_concurrent_runs=3,
            network_profile="office",
        )
    ]
    assert (taken.found, taken.ignored, taken.wrong) == (1, [], [])


def test_names_of_accounts_that_have_none() -> None:
    taken = accounts_of(document({"credentials": {"token": "a"}}, {"credentials": {"apiKey": "b"}, "name": ""}))
    assert [(record.id, record.label) for record in taken.records] == [("qwen-ai-0", "Account 1"), ("qwen-ai-1", "")]


@pytest.mark.parametrize(
    ("fields", "enabled"),
    [
        ({}, True),
        ({"enabled": True, "status": "error"}, True),
        ({"enabled": False}, False),
        ({"status": "disabled"}, False),
    ],
)
def test_who_is_enabled(fields: dict[str, Any], enabled: bool) -> None:
    (record,) = accounts_of(document({"id": "a", "credentials": {"token": "t"}, **fields})).records
    assert record.enabled is enabled


@pytest.mark.parametrize(
    ("runs", "becomes", "wrong"),
    [(3, 3, 0), (0, None, 0), (None, None, 0), ("3", None, 1), (-1, None, 1), (True, None, 1)],
)
def test_how_many_runs(runs: object, becomes: int | None, wrong: int) -> None:
    taken = accounts_of(document({"id": "a", "credentials": {"token": "t"}, "maxConcurrentRuns": runs}))
    assert (taken.records[0].max_concurrent_runs, len(taken.wrong)) == (becomes, wrong)


def test_credentials_beside_the_list_are_an_account_of_their_own() -> None:
    alone = accounts_of(
        document(credentials={"token": "t"}, name="Ann", maxConcurrentRuns=4, networkProfileId="office")
    )
    (record,) = alone.records
    assert (record.id, record.label, record.max_concurrent_runs, record.network_profile) == (
        "local",
        "Ann",
        4,
        "office",
    )
    beside = accounts_of(
        document(
            {"id": "a", "credentials": {"token": "a"}},
            credentials={"token": "t"},
            accountId="mine",
            maxConcurrentRuns=4,
        )
    )
    assert [record.id for record in beside.records] == ["a", "mine"]
    assert beside.records[1].max_concurrent_runs is None
    assert [remark.where for remark in beside.ignored] == ["providers[0].maxConcurrentRuns"]


def test_the_same_login_twice_is_one_account() -> None:
    taken = accounts_of(
        document({"id": "a", "credentials": {"token": jwt("ann")}}, credentials={"token": jwt("ann", "renewed")})
    )
    assert [record.id for record in taken.records] == ["a"]
    assert [str(remark) for remark in taken.ignored] == [
        "providers[0].credentials: it is the same login as account 'a'"
    ]


def test_by_what_a_login_is_known() -> None:
    assert login_of(Credentials(token=jwt("ann"))) == "ann"
    assert login_of(Credentials.read({"cookies": f"x=1; token={jwt('ann')}"})) == "ann"
    assert login_of(Credentials(token="a")) != login_of(Credentials(token="b"))


@pytest.mark.parametrize(
    ("given_id", "becomes"),
    [("a b/c", "a-b-c"), ("env", "account-env"), ("demo", "account-demo"), ("x" * 70, "x" * 64)],
)
def test_an_id_that_luna_cannot_have(given_id: str, becomes: str) -> None:
    taken = accounts_of(document({"id": given_id, "credentials": {"token": "t"}}))
    assert [record.id for record in taken.records] == [becomes]
    assert [remark.what for remark in taken.ignored] == [f"the account is called '{becomes}' here"]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (5, "must be an object"),
        ({"id": "a", "credentials": "secret-x"}, "must be an object"),
        ({"id": "a", "credentials": {"token": "secret x"}}, "cannot be used"),
        ({"id": "a", "credentials": {"token": "t"}, "networkProfileId": 5}, "must be text"),
    ],
)
def test_what_cannot_be_is_named_without_a_credential(account: object, said: str) -> None:
    taken = accounts_of(document(account))
    (remark,) = taken.wrong
    assert said in remark.what
    assert "secret" not in str(remark)


@pytest.mark.parametrize("providers", [5, {}, "x"])
def test_providers_that_are_no_list(providers: object) -> None:
    assert [remark.where for remark in accounts_of({"providers": providers}).wrong] == ["providers"]


def test_what_luna_does_without() -> None:
    taken = accounts_of(
        {
            "providers": [
                {"id": "other", "credentials": {"token": "t"}},
                {"id": "qwen-ai", "oauth": {"clientSecret": "secret"}, "accounts": [{"id": "a", "credentials": {}}]},
                7,
            ]
        }
    )
    assert [remark.where for remark in taken.ignored] == [
        "providers[0]",
        "providers[1].accounts[0]",
        "providers[1].oauth",
    ]
    assert [remark.where for remark in taken.wrong] == ["providers[2]"]
    assert "secret" not in repr(taken.ignored)


def test_two_with_one_id() -> None:
    taken = accounts_of(
        document({"id": "a", "credentials": {"token": "t"}}, {"id": "a", "credentials": {"token": "u"}})
    )
    assert len(taken.records) == 1
    assert [remark.what for remark in taken.wrong] == ["there are two accounts with the id 'a'"]


def test_without_credentials_nothing_secret_goes_out() -> None:
    record = Record("a", "qwen-ai", Credentials.read({"token": "secret-t", "cookies": "x=secret-c"}), label="A")
    assert "secret" not in repr(provider_of([record], with_credentials=False))
    assert "secret-t" in repr(provider_of([record], with_credentials=True))


def test_the_account_of_the_environment_stays_there() -> None:
    record = Record("env", "qwen-ai", Credentials(token="t"), basis="digest")
    assert provider_of([record], with_credentials=True)["accounts"] == []


WORD = st.text(st.sampled_from("abcXYZ019-_."), min_size=1, max_size=8)
RECORDS = st.builds(
    Record,
    id=WORD.filter(lambda word: word not in ("env", "demo")),
    provider=st.just("qwen-ai"),
    credentials=st.builds(
        lambda token, cookies, agent, page: Credentials.read(
            {"token": token, "cookies": "; ".join(f"{k}={v}" for k, v in cookies.items()), "userAgent": agent, **page}
        ),
        WORD,
        st.dictionaries(WORD, WORD, max_size=3),
        WORD | st.just(""),
        st.dictionaries(st.sampled_from(["bx-ua", "bx-umidtoken"]), WORD, max_size=2),
    ),
    label=WORD,
    enabled=st.booleans(),
    max_concurrent_runs=st.none() | st.integers(0, 9),
    network_profile=st.just("") | WORD,
)


@given(st.lists(RECORDS, max_size=3, unique_by=(lambda record: record.id, lambda record: login_of(record.credentials))))
def test_what_goes_out_comes_back(records: list[Record]) -> None:
    written = msgspec.json.decode(
        msgspec.json.encode({"version": 1, "providers": [provider_of(records, with_credentials=True)]})
    )
    taken = accounts_of(written)
    assert taken.records == records
    assert (taken.ignored, taken.wrong) == ([], [])
