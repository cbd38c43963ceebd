import { UserError } from "../base/errors";
import { formatIpv6, parseIpv4, parseIpv6 } from "./address";
import { told, type Fields } from "./fields";
import { keyNumber, type ServiceParameter } from "./service-binding";
import { octetsOf, quoted } from "./tokens";

/** The rest of the fields as SvcParams in any order (RFC 9460 section 2.1), sorted as the wire wants them. @throws UserError */
export function readServiceParameters(fields: Fields): ServiceParameter[] {
  const parameters: { readonly number: number; readonly parameter: ServiceParameter }[] = [];
  while (!fields.isAtEnd) {
    const text = fields.word("parameter");
    const equals = text.indexOf("=");
    const key = (equals === -1 ? text : text.slice(0, equals)).toLowerCase();
    const bare = equals === -1 ? undefined : octetsOf(text.slice(equals + 1));
    const quotedValue = bare === "" ? fields.gluedQuoted() : undefined;
    const value = quotedValue === undefined ? bare : octetsOf(quotedValue.text);
    const number = told(`"${key}" is no parameter of ${fields.type}`, () => keyNumber(key));
    const parameter = told(`the parameter ${key} of ${fields.type} is wrong`, () => readParameter(key, value));
    parameters.push({ number, parameter });
  }
  return parameters.toSorted((a, b) => a.number - b.number).map(({ parameter }) => parameter);
}

/** A SvcParam as `key="value"`. */
export function serviceParameterText(parameter: ServiceParameter): string {
  switch (parameter.key) {
    case "mandatory":
      return `mandatory=${parameter.keys.join(",")}`;
    case "alpn":
      return `alpn=${quoted(parameter.ids.map((id) => id.replace(/[,\\]/g, "\\$&")).join(","))}`;
    case "no-default-alpn":
      return parameter.key;
    case "port":
      return `port=${parameter.port}`;
    case "ipv4hint":
    case "ipv6hint":
      return `${parameter.key}=${parameter.addresses.join(",")}`;
    case "ech":
      return `ech="${Buffer.from(parameter.value).toString("base64")}"`;
    default:
      return parameter.value.length === 0
        ? parameter.key
        : `${parameter.key}=${quoted(Buffer.from(parameter.value).toString("latin1"))}`;
  }
}

function readParameter(key: string, value: string | undefined): ServiceParameter {
  const given = (): string => {
    if (value === undefined || value === "") throw new UserError(`the parameter ${key} needs a value: ${key}=…`);
    return value;
  };
  switch (key) {
    case "mandatory":
      return {
        key,
        keys: given()
          .split(",")
          .toSorted((a, b) => keyNumber(a) - keyNumber(b)),
      };
    case "alpn":
      return { key, ids: listItems(given()) };
    case "no-default-alpn":
      if (value !== undefined) throw new UserError("the parameter no-default-alpn has no value; take it away");
      return { key };
    case "port":
      return { key, port: portFrom(given()) };
    case "ipv4hint":
      return { key, addresses: given().split(",").map(checkedIpv4) };
    case "ipv6hint":
      return {
        key,
        addresses: given()
          .split(",")
          .map((each) => formatIpv6(parseIpv6(each))),
      };
    case "ech":
      return { key, value: base64(value ?? "") };
    default:
      return { key: `key${keyNumber(key)}`, value: new Uint8Array(Buffer.from(value ?? "", "latin1")) };
  }
}

function portFrom(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff)
    throw new UserError(`the parameter port must be a number from 0 to 65535, got "${text}"`);
  return Number(text);
}

function checkedIpv4(text: string): string {
  parseIpv4(text);
  return text;
}

function base64(text: string): Uint8Array {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text))
    throw new UserError("the parameter ech must be base64");
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Items parted by commas; `\,` and `\\` are a comma and a backslash inside one (RFC 9460 appendix A.1). */
function listItems(text: string): string[] {
  const items = [""];
  for (const [part] of text.matchAll(/\\[^]|[^]/g)) {
    if (part === ",") items.push("");
    else items.push((items.pop() ?? "") + (part.length === 2 ? part.slice(1) : part));
  }
  return items;
}
