import { expect } from "chai";
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { kubeadmCorefile as kubeadm } from "../../../../harness/resolver/core-dns";
import { readDocument } from "../../../../src/cli/corefile/document";
import { stubBlock, withoutStub, withStub } from "../../../../src/cli/corefile/edit";

const stub = { zones: ["standard-1.internal.dns", "catalog.internal.dns"], to: ["10.96.0.53"] };

/** As NodeLocal DNSCache's own manifest has it. */
const nodeLocal = `cluster.local:53 {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
    prometheus :9253
    health 169.254.20.10:8080
    }
.:53 {
    errors
    cache 30
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__UPSTREAM__SERVERS__
    prometheus :9253
    }
`;

const block = (head: string, ...more: string[]): string =>
  [`${head} {`, "    errors", ...more, "    cache 30", "    forward . 10.96.0.53", "}", ""].join("\n");

function blockIn(text: string): string {
  return /^# dns-mesh begin [0-9a-f]{16}\n([^]*?)# dns-mesh end$/m.exec(text)?.[1] ?? "";
}

const refusal = (edit: () => string): string => {
  try {
    return `taken: ${edit()}`;
  } catch (error) {
    return String(error);
  }
};

describe("the zones of a mesh in a Corefile", () => {
  it("come before everything else, in an order of their own, and go without a trace", () => {
    const edited = withStub(kubeadm, stub);
    expect(blockIn(edited)).to.equal(block("catalog.internal.dns:53 standard-1.internal.dns:53"));
    expect(edited.endsWith(`# dns-mesh end\n${kubeadm}`)).to.equal(true);
    expect(withoutStub(edited)).to.equal(kubeadm);
  });

  it("are there once, however often they are put in", () => {
    const edited = withStub(kubeadm, stub);
    expect(withStub(edited, { ...stub, zones: stub.zones.toReversed() })).to.equal(edited);
    expect(withoutStub(kubeadm)).to.equal(kubeadm);
  });

  it("are replaced in their place, and what others wrote around them stays", () => {
    const around = `# ours\n${withStub(kubeadm, stub)}# the end, without a line break`;
    const edited = withStub(around, { zones: ["internal.dns"], to: ["10.96.0.53", "fd00::53"] });
    expect(edited.startsWith("# ours\n# dns-mesh begin ")).to.equal(true);
    expect(blockIn(edited)).to.contain("internal.dns:53 {").and.contain("forward . 10.96.0.53 fd00::53\n");
    expect(withoutStub(edited)).to.equal(`# ours\n${kubeadm}# the end, without a line break`);
  });

  it("are asked for where everything else is: on the same ports and addresses", () => {
    const bound = "    bind 169.254.20.10 10.96.0.10";
    expect(blockIn(withStub(nodeLocal, { ...stub, zones: ["internal.dns"] }))).to.equal(
      block("internal.dns:53", bound),
    );
    const one = { ...stub, zones: ["internal.dns"] };
    expect(blockIn(withStub(". {\n errors\n}\n", one))).to.equal(block("internal.dns"));
    expect(blockIn(withStub("dns://.:5353 .:53 {\n errors\n}\n", one))).to.equal(
      block("internal.dns:5353 internal.dns:53"),
    );
    expect(blockIn(withStub("tls://.:853 {\n errors\n}\n.:53 {\n errors\n}\n", one))).to.equal(
      block("internal.dns:53"),
    );
    expect(blockIn(withStub("(common) {\n bind lo\n errors\n}\n.:53 {\n import common\n}\n", one))).to.equal(
      block("internal.dns:53", "    bind lo"),
    );
  });

  it("are what the guide shows, for CoreDNS and NodeLocal DNSCache", () => {
    const guide = readFileSync(join(__dirname, "../../../../docs/clients.md"), "utf8");
    const one = { ...stub, zones: ["internal.dns"] };
    const shown = withStub(kubeadm, one).slice(0, -kubeadm.length).trimEnd().replaceAll(/^/gm, "   ");
    expect(guide).to.contain(`   \`\`\`\n${shown}\n   \`\`\`\n`);
    expect(guide).to.contain(`\n\`\`\`\n${blockIn(withStub(nodeLocal, one))}\`\`\`\n`);
  });

  it("stand beside zones above and below them", () => {
    const edited = withStub(`internal.dns, a.standard-1.internal.dns {\n forward . 192.0.2.1\n}\n${kubeadm}`, stub);
    expect(blockIn(edited)).not.to.equal("");
  });

  for (const [what, text, expected] of [
    [
      "a zone that is there already",
      `Standard-1.Internal.DNS.:53 {\n}\n${kubeadm}`,
      /line 1 .*server block for standard-1\.internal\.dns already/,
    ],
    [
      "a zone that is there over TLS",
      `tls://catalog.internal.dns {\n}\n${kubeadm}`,
      /server block for catalog\.internal\.dns already/,
    ],
    [
      "a zone that is there behind a comma",
      `a.test,\n  catalog.internal.dns\n{\n}\n${kubeadm}`,
      /server block for catalog/,
    ],
    [
      "an import beside the server blocks",
      `${kubeadm}import /etc/coredns/custom/*.server\n`,
      /line 24 .*import.*coredns-custom/,
    ],
    [
      "an import where the ports are said",
      `.:53 {\n    errors\n    import /etc/coredns/custom/*.override\n}\n`,
      /line 3 .*import \/etc.*coredns-custom/,
    ],
    ["an import in a snippet", `(a) {\n import b\n}\n.:53 {\n import a\n}\n`, /line 2 .*an import in a snippet/],
    ["an import of a later snippet", `.:53 {\n import a\n}\n(a) {\n errors\n}\n`, /line 2 .*"import a" brings/],
    ["a server block without braces", `.:53\nforward . 192.0.2.1\n`, /line 1 .*without braces/],
    ["a server block without an end", `.:53 {\n  errors {\n}\n`, /line 1 .*has no end/],
    ["a brace too many", `.:53 {\n}\n}\n`, /line 3 .*"}" is no name of a zone/],
    ["a zone from the environment", `{$ZONE}:53 {\n}\n${kubeadm}`, /line 1 .*"\{\$ZONE\}:53" is no name of a zone/],
    ["a network", `10.0.0.0/24 {\n}\n${kubeadm}`, /line 1 .*is a network/],
    ["a quote that is not closed", `.:53 {\n  log "a\n}\n`, /line 2 .*a quote is not closed/],
    ["a brace in quotes", `.:53 {\n  log "{"\n}\n`, /line 2 .*a brace in quotes/],
    ["a # behind a word", `.:53 {\n  errors#all of them\n}\n`, /line 2 .*a # directly behind a word/],
    ["a byte order mark", `\ufeff${kubeadm}`, /byte order mark/],
    ["no server block for all names", `cluster.local:53 {\n}\n`, /no server block for all names/],
    ["two server blocks for all names", `${kubeadm}.:5353 {\n}\n`, /line 24 .*a second server block for all names/],
    ["a bind that excludes", `.:53 {\n bind eth0 {\n  except 10.0.0.1\n }\n}\n`, /line 2 .*bind/],
    ["a mark without an end", `# dns-mesh begin 0123456789abcdef\n${kubeadm}`, /line 1 .*do not match/],
    ["an end without a begin", `${kubeadm}# dns-mesh end\n`, /line 24 .*do not match/],
    [
      "marks inside a server block",
      `.:53 {\n# dns-mesh begin 0123456789abcdef\n# dns-mesh end\n}\n`,
      /line 2 .*outside of server blocks/,
    ],
  ] as const)
    it(`are refused beside ${what}, with the line`, () => {
      expect(refusal(() => withStub(text, stub))).to.match(expected);
    });

  it("are neither replaced nor taken out when somebody changed them, or has them twice", () => {
    const edited = withStub(kubeadm, stub);
    const changed = edited.replace("cache 30\n    forward . 10", "cache 60\n    forward . 10");
    for (const edit of [() => withStub(changed, stub), () => withoutStub(changed)])
      expect(refusal(edit)).to.match(/line 1 .*are not those that were written there; move what is yours/);
    const twice = withStub(kubeadm, stub).replace(kubeadm, "") + edited;
    expect(refusal(() => withoutStub(twice))).to.match(/do not match/);
  });

  it("are taken out of what could not be understood otherwise", () => {
    const imported = `import /etc/coredns/custom/*.server\n`;
    expect(withoutStub(withStub(kubeadm, stub) + imported)).to.equal(kubeadm + imported);
  });

  it("are not looked for in quotes", () => {
    const quoted = `.:53 {\n  log "\n# dns-mesh begin 0\n\\" # dns-mesh end"\n}\n`;
    expect(withoutStub(withStub(quoted, stub))).to.equal(quoted);
  });

  it("need a zone, and somebody to ask", () => {
    expect(refusal(() => withStub(kubeadm, { ...stub, zones: [] }))).to.match(/no zone to ask for.*--zone/);
    expect(refusal(() => withStub(kubeadm, { ...stub, to: [] }))).to.match(/nobody to ask.*--to/);
    expect(refusal(() => stubBlock({ ...stub, to: ["resolver.dns-system"] }))).to.match(/is no IP address/);
    expect(refusal(() => stubBlock({ ...stub, zones: ["a.test {"] }))).to.match(/zone "a\.test \{" has the label/);
  });

  it("leave every octet of others as it is, whatever comes and goes", () => {
    const piece = fc.constantFrom(
      ...["# a comment\n", "\n", "   ", "(s) {\n  errors\n}\n", 'a.test:53 b.test {\r\n  file /a "b c" # d\r\n}\r\n'],
      ...["c.test, d.test:5353 {\n  log {\n    class error\n  }\n}\n", `e.test { # {\n  whoami "}x"\n}\n`, "#}\n"],
    );
    const pieces = fc.array(piece, { maxLength: 5 });
    fc.assert(
      fc.property(pieces, pieces, fc.boolean(), (before, after, isCut) => {
        const whole = [...before, kubeadm, ...after].join("");
        const text = isCut ? whole.replace(/\n$/, "") : whole;
        const edited = withStub(text, stub);
        expect(withStub(edited, stub)).to.equal(edited);
        const other = withStub(edited, { zones: ["f.test"], to: ["fd00::53"] });
        expect(blockIn(other)).to.contain("f.test:53 {");
        expect(withoutStub(other)).to.equal(text);
      }),
    );
  });
});

describe("what a Corefile lies in", () => {
  it("is a file as it is, or a ConfigMap of which nothing else changes", () => {
    expect(readDocument(kubeadm).with("x")).to.equal("x");
    const object = {
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "coredns", resourceVersion: "17" } },
      data: { Corefile: kubeadm, NodeHosts: "10.0.0.1 node" },
    };
    const document = readDocument(JSON.stringify(object));
    expect(document.corefile).to.equal(kubeadm);
    expect(JSON.parse(document.with("x"))).to.deep.equal({ ...object, data: { ...object.data, Corefile: "x" } });
  });

  it("is refused when it is nothing, or something else", () => {
    const read = (text: string) => refusal(() => readDocument(text).corefile);
    expect(read(" \n")).to.match(/no Corefile on the standard input/);
    expect(read('{"kind": "List", "items": []}')).to.match(/is no ConfigMap with a Corefile/);
    expect(read('{"kind": "ConfigMap", "data": {"NodeHosts": ""}}')).to.match(/is no ConfigMap with a Corefile/);
    expect(read("{")).to.match(/begins as JSON and is none/);
  });
});
