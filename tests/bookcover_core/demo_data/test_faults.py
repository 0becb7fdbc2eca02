"""What the image host sends: answers that are faulty in the way that they say, and in no other."""

import gzip
import io
import ipaddress
import threading
import time
from contextlib import suppress

import httpx
import pytest
from PIL import Image

from bookcover_core.demo_data.faults import INSIDE, Delivery, Fault, Response, choose_response
from bookcover_core.demo_data.image_host import ImageHost

PATH = "/images/I/51p5aUY%2BOKL.jpg"


@pytest.fixture(scope="module")
def picture() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "JPEG", quality=95)
    return file.getvalue()


def chosen(fault: Fault | None, picture: bytes, *, first: bool = True) -> Response:
    return choose_response(fault, PATH, picture, first=first)


def test_without_a_fault_the_picture_comes(picture):
    """The picture whole, with its type and length; 404 where there is none."""
    answer = chosen(None, picture)
    assert (answer.status, answer.body, answer.delivery) == (200, picture, Delivery.WHOLE)
    assert f"Content-Length: {len(picture)}".encode() in answer.head
    assert b"Content-Type: image/jpeg" in answer.head
    assert choose_response(None, PATH, None, first=True).status == 404


def joined(pieces: bytes) -> bytes:
    """The body that HTTP's chunked coding stands for."""
    body = b""
    while True:
        size, _, rest = pieces.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body
        body, pieces = body + rest[:length], rest[length + 2 :]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.outcome == "ok"])
def test_a_fault_that_passes_ends_in_the_picture(picture, fault):
    """What a study should call ok comes to the right picture, at the latest when it is asked for again."""
    answer = chosen(fault, picture, first=False)
    if fault is Fault.REDIRECT:
        answer = choose_response(None, answer.headers["Location"], picture, first=True)
    body = answer.body
    if fault is Fault.GZIP:
        body = gzip.decompress(body)
    if fault is Fault.CHUNKED:
        body = joined(body)
    if fault is Fault.CMYK:
        with Image.open(io.BytesIO(body)) as printed, Image.open(io.BytesIO(picture)) as right:
            assert (printed.mode, printed.size) == ("CMYK", right.size)
        return
    assert body == picture


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.outcome != "ok"])
def test_a_fault_that_stays_never_ends_in_the_picture(picture, fault):
    """What a study should call anything else does not come whole, however often it is asked for."""
    for first in (True, False):
        answer = chosen(fault, picture, first=first)
        whole = answer.status == 200 and answer.body == picture and answer.delivery in {Delivery.WHOLE, Delivery.LATE}
        assert not whole


def test_a_bomb_is_small_and_claims_to_be_large(picture):
    """Fewer than a hundred bytes, more pixels than Pillow takes."""
    bomb = chosen(Fault.BOMB, picture).body
    assert len(bomb) < 100
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(bomb))


def test_a_redirect_inside_leads_to_no_public_address():
    """Its address is link-local."""
    assert ipaddress.ip_address(INSIDE.split("/")[2]).is_link_local


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP, Fault.ENDLESS])
def test_a_host_ends_while_it_owes_an_answer(picture, fault, tmp_path):
    """A connection on which something is still to come does not keep the host from ending."""
    file = tmp_path / "cover.jpg"
    file.write_bytes(picture)
    ended = []

    def ask(address: str) -> None:
        with suppress(httpx.TransportError), httpx.stream("GET", address, timeout=30) as answer:
            for _ in answer.iter_raw():
                time.sleep(0.001)
        ended.append(True)

    with ImageHost({PATH: file}, {PATH: fault}) as host:
        asking = threading.Thread(target=ask, args=(host.address + PATH,))
        asking.start()
        while not host.requests[PATH]:
            time.sleep(0.01)
    asking.join(10)
    assert ended == [True]
