"""dnspython as an independent validator: one JSON task on stdin, {address, port, zone, ds, questions: [[name, type]]}.

Fetches the DNSKEY RRset, holds it to the DS records, and every answer to the keys. Says {"tags": ...} of the keys that
signed the answers, or fails.
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

task = json.load(sys.stdin)
zone = dns.name.from_text(task["zone"])


def ask(name, rdtype):
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    query.flags &= ~dns.flags.RD
    answer = dns.query.tcp(query, task["address"], port=task["port"], timeout=3)
    rrset = answer.get_rrset(answer.answer, query.question[0].name, dns.rdataclass.IN, rdtype)
    sigs = answer.get_rrset(answer.answer, query.question[0].name, dns.rdataclass.IN, dns.rdatatype.RRSIG, rdtype)
    if rrset is None or sigs is None:
        sys.exit(f"{name} {dns.rdatatype.to_text(rdtype)}: no answer, or none that is signed")
    return rrset, sigs


keys, key_sigs = ask(zone, dns.rdatatype.DNSKEY)
wanted = {dns.rdata.from_text("IN", "DS", text) for text in task["ds"]}
trusted = [key for key in keys if dns.dnssec.make_ds(zone, key, "SHA256") in wanted]
if not trusted:
    sys.exit("no DNSKEY fits a DS record")
anchor = dns.rrset.from_rdata_list(zone, keys.ttl, trusted)
dns.dnssec.validate(keys, key_sigs, {zone: anchor})
tags = set()
for name, rdtype in task["questions"]:
    rrset, sigs = ask(dns.name.from_text(name), dns.rdatatype.from_text(rdtype))
    dns.dnssec.validate(rrset, sigs, {zone: keys})
    tags |= {sig.key_tag for sig in sigs}
print(json.dumps({"tags": sorted(tags)}))
