import type * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";

import { listen, unary } from "./grpc";
import type { Difference, DiffKind, Provider, ResourceName } from "./provider";
import type { Properties } from "./wire";

const kinds: Record<DiffKind, pb.PropertyDiff.Kind> = {
  add: pb.PropertyDiff.Kind.ADD,
  "add-replace": pb.PropertyDiff.Kind.ADD_REPLACE,
  delete: pb.PropertyDiff.Kind.DELETE,
  "delete-replace": pb.PropertyDiff.Kind.DELETE_REPLACE,
  update: pb.PropertyDiff.Kind.UPDATE,
  "update-replace": pb.PropertyDiff.Kind.UPDATE_REPLACE,
};

function fromStruct(struct: Struct | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

function toStruct(properties: Properties): Struct {
  return Struct.fromJavaScript(properties);
}

interface Named {
  getUrn(): string;
  getType(): string;
  getName(): string;
}

/** Old engines leave type and name out: the URN has both. */
function nameOf(request: Named): ResourceName {
  const urn = request.getUrn();
  const parts = urn.split("::");
  return {
    urn,
    type: request.getType() || (parts[2]?.split("$").at(-1) ?? ""),
    name: request.getName() || parts.slice(3).join("::"),
  };
}

function diffResponse(difference: Difference): pb.DiffResponse {
  const response = new pb.DiffResponse();
  const entries = Object.entries(difference.detail);
  response.setChanges(
    entries.length > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE,
  );
  response.setHasdetaileddiff(true);
  response.setDiffsList([...new Set(entries.map(([path]) => path.split(/[.[]/)[0] ?? path))]);
  response.setReplacesList(entries.filter(([, kind]) => kind.endsWith("-replace")).map(([path]) => path));
  for (const [path, kind] of entries) {
    const detail = new pb.PropertyDiff();
    detail.setKind(kinds[kind]);
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

function configuration(provider: Provider): grpc.UntypedServiceImplementation {
  return {
    getPluginInfo: unary(() => {
      const info = new PluginInfo();
      info.setVersion(provider.version);
      return info;
    }),
    attach: unary(() => new Empty()),
    // Operations are single requests: there is nothing to cut short.
    cancel: unary(() => new Empty()),
    checkConfig: unary((request: pb.CheckRequest) => {
      const response = new pb.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    }),
    diffConfig: unary((request: pb.DiffRequest) =>
      diffResponse(provider.diffConfig(fromStruct(request.getOlds()), fromStruct(request.getNews()))),
    ),
    configure: unary((request: pb.ConfigureRequest) => {
      provider.configure(fromStruct(request.getArgs()));
      const response = new pb.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      response.setAcceptresources(false);
      response.setAcceptoutputs(false);
      return response;
    }),
    invoke: unary(async (request: pb.InvokeRequest) => {
      const response = new pb.InvokeResponse();
      response.setReturn(toStruct(await provider.invoke(request.getTok(), fromStruct(request.getArgs()))));
      return response;
    }),
  };
}

function planning(provider: Provider): grpc.UntypedServiceImplementation {
  return {
    check: unary(async (request: pb.CheckRequest) => {
      const checked = await provider.check({
        ...nameOf(request),
        olds: request.hasOlds() ? fromStruct(request.getOlds()) : undefined,
        news: fromStruct(request.getNews()),
        randomSeed: request.getRandomseed_asU8(),
      });
      const response = new pb.CheckResponse();
      response.setInputs(toStruct(checked.inputs));
      for (const { property, reason } of checked.failures ?? []) {
        const failure = new pb.CheckFailure();
        failure.setProperty(property);
        failure.setReason(reason);
        response.addFailures(failure);
      }
      return response;
    }),
    diff: unary(async (request: pb.DiffRequest) => diffResponse(await provider.diff(changeOf(request)))),
  };
}

/** What a resource is changed from and to. */
function changeOf(request: pb.DiffRequest | pb.UpdateRequest) {
  return {
    ...nameOf(request),
    id: request.getId(),
    oldInputs: fromStruct(request.getOldInputs()),
    oldState: fromStruct(request.getOlds()),
    news: fromStruct(request.getNews()),
    ignoreChanges: request.getIgnorechangesList(),
  };
}

function operations(provider: Provider): grpc.UntypedServiceImplementation {
  return {
    create: unary(async (request: pb.CreateRequest) => {
      const created = await provider.create({
        ...nameOf(request),
        news: fromStruct(request.getProperties()),
        preview: request.getPreview(),
      });
      const response = new pb.CreateResponse();
      response.setId(request.getPreview() ? "" : created.id);
      response.setProperties(toStruct(created.outputs));
      return response;
    }),
    read: unary(async (request: pb.ReadRequest) => {
      const read = await provider.read({
        ...nameOf(request),
        id: request.getId(),
        inputs: fromStruct(request.getInputs()),
        state: fromStruct(request.getProperties()),
      });
      const response = new pb.ReadResponse();
      if (!read) return response;
      response.setId(read.id);
      response.setProperties(toStruct(read.outputs));
      response.setInputs(read.inputs ? toStruct(read.inputs) : request.getInputs());
      return response;
    }),
    update: unary(async (request: pb.UpdateRequest) => {
      const outputs = await provider.update({ ...changeOf(request), preview: request.getPreview() });
      const response = new pb.UpdateResponse();
      response.setProperties(toStruct(outputs));
      return response;
    }),
    delete: unary(async (request: pb.DeleteRequest) => {
      await provider.delete({
        ...nameOf(request),
        id: request.getId(),
        state: fromStruct(request.getProperties()),
      });
      return new Empty();
    }),
  };
}

/** Serves a provider to the engine. */
export async function serve(provider: Provider): Promise<void> {
  await listen((server) => {
    server.addService(ResourceProviderService, {
      ...configuration(provider),
      ...planning(provider),
      ...operations(provider),
    });
  });
}
