import { serveLanguage } from "./language";
import type { Provider } from "./provider";
import { randomProvider } from "./random/provider";
import { serve } from "./server";
import { tlsProvider } from "./tls/provider";
import { vaultProvider } from "./vault/provider";

const providers: Readonly<Record<string, () => Provider>> = {
  random: randomProvider,
  tls: tlsProvider,
  vault: vaultProvider,
};

const [name = "", ...args] = process.argv.slice(2);
if (name === "nodejs") void serveLanguage(args.at(-1) ?? "");
else {
  const make = providers[name];
  if (!make) throw new Error(`there is no stand-in for the plugin "${name}": ${Object.keys(providers).join(", ")}`);
  void serve(make());
}
