"""dnspython as an independent validator: on each line of stdin a JSON task, {address, port, zone, ds, questions: [[name, type]]}.

Fetches the DNSKEY RRset, holds it to the DS records, and every answer to the keys. Answers each task with a line:
{"answer": tags of the keys that signed the answers}, or {"failure": ...}. Tasks are done one after the other.
"""

import json
import sys

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class Invalid(Exception):
    """What a validating resolver would answer SERVFAIL for."""


def ask(task, name, rdtype):
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    query.flags &= ~dns.flags.RD
    answer = dns.query.tcp(query, task["address"], port=task["port"], timeout=3)
    rrset = answer.get_rrset(answer.answer, query.question[0].name, dns.rdataclass.IN, rdtype)
    sigs = answer.get_rrset(answer.answer, query.question[0].name, dns.rdataclass.IN, dns.rdatatype.RRSIG, rdtype)
    if rrset is None or sigs is None:
        raise Invalid(f"{name} {dns.rdatatype.to_text(rdtype)}: no answer, or none that is signed")
    return rrset, sigs


def validate(task):
    zone = dns.name.from_text(task["zone"])
    keys, key_sigs = ask(task, zone, dns.rdatatype.DNSKEY)
    wanted = {dns.rdata.from_text("IN", "DS", text) for text in task["ds"]}
    trusted = [key for key in keys if dns.dnssec.make_ds(zone, key, "SHA256") in wanted]
    if not trusted:
        raise Invalid("no DNSKEY fits a DS record")
    anchor = dns.rrset.from_rdata_list(zone, keys.ttl, trusted)
    dns.dnssec.validate(keys, key_sigs, {zone: anchor})
    tags = set()
    for name, rdtype in task["questions"]:
        rrset, sigs = ask(task, dns.name.from_text(name), dns.rdatatype.from_text(rdtype))
        dns.dnssec.validate(rrset, sigs, {zone: keys})
        tags |= {sig.key_tag for sig in sigs}
    return sorted(tags)


for line in sys.stdin:
    try:
        answer = {"answer": validate(json.loads(line))}
    except Exception as error:
        answer = {"failure": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
