import { Argument, type Command } from "commander";

import { addCommand, printJson, withJson } from "../command";
import type { MonitoringPart } from "../monitoring";

const parts: readonly MonitoringPart[] = ["rules", "dashboard", "blackbox", "probes"];

interface Options {
  readonly file?: string;
  readonly access?: string;
  readonly prober?: string;
  readonly runbooks?: string;
  readonly json?: boolean;
}

/** `mesh monitoring`: what a Prometheus and a Grafana without operators need. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "monitoring",
    summary: "alert rules, dashboard and probes, as files for Prometheus and Grafana",
    description:
      "rules: a rule file of Prometheus, with an alert for each site of the list that is down. dashboard: for Grafana. " +
      "blackbox: modules of a blackbox-exporter, one for each zone. probes: the scrape job that has it ask every site for every zone. " +
      "A site whose settings say monitoring.scrape: operator makes all of it but blackbox by itself.",
    examples: [
      "monitoring rules > dns-mesh.rules.yml",
      "monitoring rules --runbooks https://git.example.com/dns-mesh/docs/runbooks",
      "monitoring dashboard > dns-mesh.json",
      "monitoring blackbox > blackbox.yml",
      "monitoring probes --prober 127.0.0.1:9115 > dns-mesh.scrape.yml",
    ],
  });
  withJson(command)
    .addArgument(new Argument("<PART>", "of it").choices(parts))
    .option("--file <FILE>", "the shared stack's file, which has the list (Pulumi.shared.yaml)")
    .option("--access <FILE>", "a lab instead: the access file that it names when it is ready")
    .option("--prober <HOST:PORT>", "where the blackbox-exporter answers, for probes (127.0.0.1:9115)")
    .option("--runbooks <URL>", "where people find docs/runbooks, for the links of rules (the path in this repository)")
    .action(monitoring);
}

async function monitoring(part: MonitoringPart, options: Options): Promise<void> {
  const { monitoringPart } = await import("../monitoring");
  const { stringify } = await import("yaml");
  const { readAccess } = await import("../mesh-access");
  const access = part === "dashboard" ? undefined : readAccess(options);
  const found = monitoringPart(part, {
    sites: access?.mesh.sites ?? [],
    port: access?.ports.dns ?? 53,
    ...(options.prober !== undefined && { prober: options.prober }),
    ...(options.runbooks !== undefined && { runbooks: options.runbooks }),
  });
  if (options.json === true || part === "dashboard") printJson(found);
  else process.stdout.write(stringify(found, { lineWidth: 0, aliasDuplicateObjects: false }));
}
