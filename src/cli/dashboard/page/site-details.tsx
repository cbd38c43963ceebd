import type { SiteStatus, StatusReport } from "../../status-report";
import type { Lag } from "../history";
import { podsText } from "./sites-table";
import { countText, durationText, namesText, relativeText, secondsBetween } from "./texts";

interface SiteDetailsProps {
  readonly site: SiteStatus;
  readonly report: StatusReport;
  readonly lags: readonly Lag[];
  readonly close: () => void;
}

/** By which it is found, to go there. */
export const detailsId = "site-details";

/** What is known of the site that was chosen. */
export function SiteDetails({ site, report, lags, close }: SiteDetailsProps) {
  const { name, role, answers, zones, certificateEnds } = site;
  const own = report.zones.filter(({ owner }) => owner === name).map((zone) => zone.name);
  const late = lags.filter((lag) => lag.site === name);
  const ago = (time: string | undefined): string => (time === undefined ? "not known" : relativeText(time, report.at));
  const facts: readonly (readonly [string, string])[] = [
    ["role", role],
    ["answers", answers ? `yes, for ${countText(zones.asked, "zone")} that it was asked for` : "no"],
    ["owns", own.length === 0 ? "no zone" : namesText(own, 6)],
    ["pods that are ready", podsText(site)],
    ["certificate ends", ago(certificateEnds)],
    ["mesh applied", ago(site.appliedAt)],
    ["reconciled", ago(site.reconciledAt)],
    ["last backup", ago(site.lastBackup)],
    ["last restore drill", ago(site.lastDrill)],
    ["DNSSEC keys kept", ago(site.keysKeptAt)],
  ];
  return (
    <div class="details" id={detailsId} role="region" aria-label={`Site ${name}`} tabindex={-1}>
      <h3>{name}</h3>
      <button type="button" onClick={close}>
        Close
      </button>
      <ul class="findings">
        {report.findings
          .filter((finding) => finding.site === name)
          .map(({ severity, message }, i) => (
            <li key={`${message} ${i}`} class={severity}>
              <strong>{severity}</strong> {message}
            </li>
          ))}
        {late.map(({ zone, since }) => (
          <li key={zone} class="wrong">
            <strong>late</strong> {zone}, for {durationText(secondsBetween(since, report.at))}
          </li>
        ))}
      </ul>
      <dl>
        {facts.map(([term, fact]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
