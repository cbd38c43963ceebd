"""dnspython as an independent peer: on each line of stdin a JSON task, answered with a line {"answer": ...} or {"failure": ...}.

check: verifies a signed query and the signed response to it, both made by the code under test
sign:  signs a message as a query
again: parses messages and writes them anew
rdata: writes master-file text of RDATA as octets, and says which octets it cannot read
serve: says the free port on which it answers AXFR and IXFR until stdin ends, signing only every n-th message and the last one
"""

import json
import socket
import struct
import sys
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.tsig


def make_key(task):
    key = task["key"]
    return dns.tsig.Key(key["name"], key["secret"], algorithm=key["algorithm"])


def check(task):
    key = make_key(task)
    keyring = {key.name: key}
    query = dns.message.from_wire(bytes.fromhex(task["query"]), keyring=keyring)
    response = dns.message.from_wire(bytes.fromhex(task["response"]), keyring=keyring, request_mac=query.mac)
    return {"signed": [query.had_tsig, response.had_tsig], "answer": [str(each) for each in response.answer]}


def sign(task):
    message = dns.message.from_wire(bytes.fromhex(task["message"]))
    message.use_tsig(make_key(task))
    return {"message": message.to_wire().hex(), "mac": message.mac.hex()}


def again(task):
    return [dns.message.from_wire(bytes.fromhex(wire), one_rr_per_rrset=True).to_wire().hex() for wire in task["messages"]]


def rdata(task):
    def refuses(kind, octets):
        try:
            dns.rdata.from_wire("IN", kind, octets, 0, len(octets))
        except dns.exception.DNSException:
            return True
        return False

    return {
        "written": [dns.rdata.from_text("IN", kind, text).to_wire().hex() for kind, text in task["texts"]],
        "refused": [refuses(kind, bytes.fromhex(octets)) for kind, octets in task["octets"]],
    }


def receive(connection, length):
    data = b""
    while len(data) < length:
        chunk = connection.recv(length - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def soa(zone, serial):
    return dns.rrset.from_text(zone, 60, "IN", "SOA", "ns.example. admin.example. %d 60 10 3600 60" % serial)


def hosts(zone, count):
    names = [dns.name.from_text("h%d" % i, zone) for i in range(count)]
    return [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1") for name in names]


def whole_zone(zone, messages):
    return [soa(zone, 7), *hosts(zone, messages - 2), soa(zone, 7)]


def changes(zone, messages):
    """From serial 7 to 8 records go, from 8 to 9 they come back."""
    new = soa(zone, 9)
    some = hosts(zone, (messages - 6) // 2)
    return [new, soa(zone, 7), *some, soa(zone, 8), soa(zone, 8), new, *some, new]


def answer(connection, task):
    key = make_key(task)
    (length,) = struct.unpack("!H", receive(connection, 2))
    query = dns.message.from_wire(receive(connection, length), keyring={key.name: key})
    assert query.had_tsig
    zone = query.question[0].name
    incremental = query.question[0].rdtype == dns.rdatatype.IXFR
    rrsets = changes(zone, task["messages"]) if incremental else whole_zone(zone, task["messages"])
    every = task["signEvery"]
    context = None
    for index, rrset in enumerate(rrsets):
        message = dns.message.make_response(query)
        message.flags |= dns.flags.AA
        message.answer = [rrset]
        last = index == task["messages"] - 1
        if index % every == 0 or (last and task["signLast"]):
            message.use_tsig(key)
            message.request_mac = query.mac
            wire = message.to_wire(multi=True, tsig_ctx=context)
            context = message.tsig_ctx
        else:
            message.tsig = None
            wire = message.to_wire()
            context.update(wire)
        connection.sendall(struct.pack("!H", len(wire)) + wire)


def accept(listener, task):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                answer(connection, task)
            except Exception as error:  # the other side sees a closed connection
                print("%s: %s" % (type(error).__name__, error), file=sys.stderr, flush=True)


def serve(task):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, task), daemon=True).start()
    return {"port": listener.getsockname()[1]}


tasks = {"check": check, "sign": sign, "again": again, "rdata": rdata, "serve": serve}

for line in sys.stdin:
    task = json.loads(line)
    try:
        said = {"answer": tasks[task["do"]](task)}
    except Exception as error:
        said = {"failure": f"{type(error).__name__}: {error}"}
    print(json.dumps(said), flush=True)
