import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

import { listen, unary } from "./grpc";

/** Exit status of Pulumi's runner when the user has read what is wrong already. */
const messageWasShown = 32;

/** The command line of Pulumi's own runner of programs (`@pulumi/pulumi/cmd/run`) for what the engine asks. */
export function runnerArguments(request: pb.RunRequest, engine: string): string[] {
  const flags: Record<string, string> = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    pwd: request.getPwd(),
    "root-directory": request.getInfo()?.getRootDirectory() ?? "",
    parallel: String(request.getParallel()),
  };
  const given = Object.entries(flags).filter(([, value]) => value !== "");
  const program = request.getInfo()?.getEntryPoint() ?? "";
  return [
    ...given.flatMap(([name, value]) => [`--${name}`, value]),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    program === "" ? "." : program,
    ...request.getArgsList(),
  ];
}

/** What the runner takes from its environment instead: the program's settings, and options of Pulumi.yaml (`typescript`: true unless said). */
export function runnerEnvironment(request: pb.RunRequest): Record<string, string> {
  const { tsconfig, typescript = true } = (request.getInfo()?.getOptions()?.toJavaScript() ?? {}) as {
    tsconfig?: string;
    typescript?: boolean;
  };
  return {
    ...(typescript && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
    ...(tsconfig !== undefined && { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig }),
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
}

/** The project's own copy of the runner, as Pulumi's language host takes it. */
function runnerPath(folder: string): string {
  return createRequire(join(folder, "index.js")).resolve("@pulumi/pulumi/cmd/run");
}

function runProgram(request: pb.RunRequest, engine: string): Promise<pb.RunResponse> {
  const folder = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const child = spawn(process.execPath, [runnerPath(folder), ...runnerArguments(request, engine)], {
    cwd: request.getPwd(),
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...runnerEnvironment(request) },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      const response = new pb.RunResponse();
      if (status === messageWasShown) response.setBail(true);
      else if (status !== 0) response.setError(`Program exited with non-zero exit code: ${String(status)}`);
      resolve(response);
    });
  });
}

/** Where a policy pack is, and with what it is started: the runner of packs of its own `@pulumi/pulumi`, in its folder. */
export function packCommand(request: pb.RunPluginRequest): {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  const cwd = request.getInfo()?.getProgramDirectory() ?? request.getProgram();
  const runner = createRequire(join(cwd, "index.js")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  const pairs = request
    .getEnvList()
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  return {
    cwd,
    args: [runner, ...request.getArgsList(), "."],
    env: Object.fromEntries(pairs) as Record<string, string>,
  };
}

/** Runs a policy pack as long as the engine wants it, and hands on what it prints: its port, on the first line. */
function runPlugin(call: grpc.ServerWritableStream<pb.RunPluginRequest, pb.RunPluginResponse>): void {
  if (call.request.getKind() !== "analyzer") {
    call.destroy(new Error(`the stand-in runs policy packs, no plugin of the kind "${call.request.getKind()}"`));
    return;
  }
  const { cwd, args, env } = packCommand(call.request);
  const child = spawn(process.execPath, [...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const say = (set: (response: pb.RunPluginResponse) => void): void => {
    if (call.cancelled) return;
    const response = new pb.RunPluginResponse();
    set(response);
    call.write(response);
  };
  child.stdout.on("data", (text: Buffer) => {
    say((response) => void response.setStdout(new Uint8Array(text)));
  });
  child.stderr.on("data", (text: Buffer) => {
    say((response) => void response.setStderr(new Uint8Array(text)));
  });
  child.on("error", (error) => call.destroy(error));
  child.on("close", (status) => {
    say((response) => void response.setExitcode(status ?? 1));
    call.end();
  });
  call.on("cancelled", () => child.kill());
}

/**
 * Serves Pulumi's language host for Node.js to the engine, which package registries do not have: it starts programs with the runner
 * of the project's own `@pulumi/pulumi`. Policy packs run by the pack's own copy. What it leaves out: other plugins in Node.js, plugins to download (those on PATH serve), `pulumi install`, debuggers.
 */
export async function serveLanguage(engine: string): Promise<void> {
  await listen((server) => {
    server.addService(LanguageRuntimeService, {
      handshake: unary(() => new pb.LanguageHandshakeResponse()),
      getPluginInfo: unary(() => {
        const info = new PluginInfo();
        info.setVersion("3.0.0");
        return info;
      }),
      getRequiredPackages: unary(() => new pb.GetRequiredPackagesResponse()),
      run: unary((request: pb.RunRequest) => runProgram(request, engine)),
      runPlugin,
      cancel: unary(() => new Empty()),
    } satisfies grpc.UntypedServiceImplementation);
  });
}
