"""What becomes of the authority's answers; the conversation itself is tried with a real authority in tests/engine."""

from __future__ import annotations

import json
from typing import Any

import josepy
import pytest
import requests
from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import rsa
from josepy.jwk import JWKRSA

from voxgate.certs.explain import Failure
from voxgate.certs.talk import Network, failures

URL = "https://ca.example/"


def answer(status: int, body: object, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = json.dumps(body).encode()
    kind = "application/problem+json" if status >= 400 else "application/json"
    made.headers.update({"Content-Type": kind, "Replay-Nonce": "bm9uY2U", **headers})
    return made


class Session:
    """The authority's answers, one after the other; the last for ever."""

    def __init__(self, *answers: requests.Response) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.sent: list[str] = []

    def request(self, method: str, *_: Any, data: str = "", **__: Any) -> requests.Response:
        if method == "HEAD":
            return answer(200, {})
        self.asked += 1
        self.sent.append(data)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        pass


def network(*answers: requests.Response) -> tuple[Network, Session]:
    net, session = Network(JWKRSA(key=KEY)), Session(*answers)
    net.session = session  # type: ignore[assignment]
    return net, session


KEY = rsa.generate_private_key(65537, 2048)
PROBLEM = "urn:ietf:params:acme:error:"
BAD_NONCE = answer(400, {"type": f"{PROBLEM}badNonce", "detail": "who?"})


def test_a_nonce_that_is_not_known_is_tried_again_and_not_for_ever() -> None:
    net, session = network(*[BAD_NONCE] * 5, answer(200, {}))
    assert net.post(URL, messages.UpdateRegistration(), new_nonce_url=URL).status_code == 200
    assert session.asked == 6
    net, session = network(BAD_NONCE)
    with pytest.raises(messages.Error):
        net.post(URL, messages.UpdateRegistration(), new_nonce_url=URL)
    assert session.asked == 16


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "3600"}, 3599, 3601),
        ({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, 10**9, 10**10),
        ({"Retry-After": "soon"}, 0, 1),
        ({}, 0, 1),
    ],
)
def test_how_long_the_authority_wants_us_to_wait_is_kept(headers: dict[str, str], least: float, most: float) -> None:
    net, _ = network(answer(429, {"type": f"{PROBLEM}rateLimited", "detail": "too many"}, **headers))
    with pytest.raises(Failure, match="too many: the authority's limit is reached") as caught, failures(URL, net):
        net.post(URL, messages.UpdateRegistration(), new_nonce_url=URL)
    assert least <= caught.value.retry_after_s <= most


def test_an_account_that_the_authority_has_forgotten_is_noticed() -> None:
    net, _ = network(answer(400, {"type": f"{PROBLEM}accountDoesNotExist", "detail": "who are you"}))
    with pytest.raises(Failure, match="who are you"), failures(URL, net):
        net.post(URL, messages.UpdateRegistration(), new_nonce_url=URL)
    assert net.account_gone


CAA = {"type": f"{PROBLEM}caa", "detail": "CAA forbids"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.ConnectionError("x"), "does not answer: no connection"),
        (requests.exceptions.SSLError("x"), "its certificate is not trusted here"),
        (requests.exceptions.Timeout("x"), "no answer in time"),
        (errors.TimeoutError(), "did not decide in time"),
        (errors.ClientError("x"), "does not answer: ClientError"),
        (josepy.errors.DeserializationError("x"), "does not answer: DeserializationError"),
        (KeyError("newOrder"), "does not answer: KeyError"),
        (TypeError("x"), "does not answer: TypeError"),
        (errors.IssuanceError(messages.Error.from_json(CAA)), "CAA forbids: a CAA record"),
    ],
)
def test_whatever_goes_wrong_is_one_kind_of_failure_with_an_advice(error: Exception, words: str) -> None:
    with pytest.raises(Failure) as caught, failures(URL, Network()):
        raise error
    assert words in str(caught.value)
