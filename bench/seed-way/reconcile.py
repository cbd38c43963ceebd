"""One pass of a reconciler as the seed describes it, over one line of JSON on standard input.

It reads the catalog, asks the directory for the server of every zone (TXT) and for the address of every server (A), and adds to
knot.conf, by text, the remotes and zones that are missing there. Whoever runs it restarts Knot when it says that it changed something.
Where the seed leaves a choice this takes the cheap one: known names are read from knot.conf once, and no server is asked for twice.
"""

import json
import re
import resource
import sys

import dns.message
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.zone


def main():
    task = json.loads(sys.stdin.readline())
    queries = 0

    def ask(name, rdtype):
        nonlocal queries
        queries += 1
        query = dns.message.make_query(name, rdtype)
        response = dns.query.udp(query, task["address"], port=task["port"], timeout=5)
        return [rdata for rrset in response.answer for rdata in rrset if rdata.rdtype == rdtype]

    keyring = dns.tsigkeyring.from_text({task["key"]["name"]: (task["key"]["algorithm"], task["key"]["secret"])})
    transfer = dns.query.xfr(
        task["address"], task["catalog"] + ".", port=task["port"], keyring=keyring, relativize=False, lifetime=60
    )
    catalog = dns.zone.from_xfr(transfer, relativize=False)
    zones = [rdata.target.to_text().rstrip(".") for _, _, rdata in catalog.iterate_rdatas("PTR")]

    with open(task["conf"]) as file:
        conf = file.read()
    known_remotes = set(re.findall(r"^  - id: (\S+)$", conf, re.MULTILINE))
    known_zones = set(re.findall(r"^  - domain: (\S+)$", conf, re.MULTILINE))

    remotes, stanzas, addresses = [], [], {}
    for zone in zones:
        texts = [s.decode() for rdata in ask(f"{zone}._zone.{task['directory']}.", dns.rdatatype.TXT) for s in rdata.strings]
        server = next(text[len("server=") :] for text in texts if text.startswith("server="))
        if server not in addresses:
            addresses[server] = ask(server + ".", dns.rdatatype.A)[0].address
            if server not in known_remotes:
                remotes.append(
                    f"  - id: {server}\n    address: {addresses[server]}@{task['remotePort']}\n    key: {task['key']['name']}\n"
                )
        if zone not in known_zones:
            stanzas.append(f"  - domain: {zone}\n    master: {server}\n")

    changed = bool(remotes or stanzas)
    if changed:
        conf = conf.replace("\ntemplate:\n", "\n" + "".join(remotes) + "template:\n", 1) + "".join(stanzas)
        with open(task["conf"], "w") as file:
            file.write(conf)

    used = resource.getrusage(resource.RUSAGE_SELF)
    answer = {"changed": changed, "queries": queries, "remotes": len(remotes), "zones": len(stanzas)}
    print(json.dumps({**answer, "cpuMs": (used.ru_utime + used.ru_stime) * 1000}))


main()
