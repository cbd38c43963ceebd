import { createRequire } from "node:module";

const load = createRequire(__filename);

/** What of google-protobuf's reader and writer takes part. */
interface Reader {
  nextField(): boolean;
  isEndGroup(): boolean;
  getFieldNumber(): number;
  skipField(): void;
  readMessage<T>(message: T, read: (message: T, reader: Reader) => void): void;
  readString(): string;
  readDouble(): number;
  readBool(): boolean;
  readEnum(): number;
}

interface Writer {
  writeMessage<T>(field: number, message: T, write: (message: T, writer: Writer) => void): void;
  writeString(field: number, value: string): void;
  writeDouble(field: number, value: number): void;
  writeBool(field: number, value: boolean): void;
  writeEnum(field: number, value: number): void;
}

/** What a `google.protobuf.Struct` holds. */
type Plain = null | number | string | boolean | readonly Plain[] | { readonly [key: string]: Plain };
type PlainObject = Record<string, Plain>;

const plain = Symbol.for("dns-mesh.plain-struct");

interface Struct {
  /** In the place of the message's own fields. */
  [plain]?: PlainObject | undefined;
  getFieldsMap: (this: Struct, noLazyCreate?: boolean) => { set(key: string, value: unknown): unknown };
  toJavaScript: (this: Struct) => PlainObject;
}

interface StructType {
  [plain]?: true;
  new (): Struct;
  readonly prototype: Struct;
  deserializeBinaryFromReader: (message: Struct, reader: Reader) => Struct;
  serializeBinaryToWriter: (message: Struct, writer: Writer) => void;
  fromJavaScript: (object: PlainObject) => Struct;
}

/** Numbers of fields in google/protobuf/struct.proto. */
const kinds = { null: 1, number: 2, string: 3, bool: 4, struct: 5, list: 6 } as const;
const [entries, entryKey, entryValue, items] = [1, 1, 2, 1] as const;

/**
 * Has Pulumi's SDK read and write the properties of resources straight from and to plain values. google-protobuf makes an object of each
 * value first, and with each level of it goes through all that is below once more: a fifth of a program's time for what an API
 * server says of a few dozen objects. What is on the wire is the same. A message whose fields somebody looks at one by one is as it
 * always was.
 */
export function readStructsPlainly(): void {
  const sdk = createRequire(load.resolve("@pulumi/pulumi"));
  const { Struct: type, Value: valueType } = sdk("google-protobuf/google/protobuf/struct_pb") as {
    readonly Struct: StructType;
    readonly Value: { fromJavaScript(value: Plain): unknown };
  };
  if (type[plain]) return;
  type[plain] = true;
  const { serializeBinaryToWriter } = type;
  const { getFieldsMap, toJavaScript } = type.prototype;
  type.deserializeBinaryFromReader = (message, reader) => {
    message[plain] = readObject(reader);
    return message;
  };
  type.serializeBinaryToWriter = (message, writer) => {
    const held = message[plain];
    if (held === undefined) serializeBinaryToWriter(message, writer);
    else writeObject(held, writer);
  };
  type.fromJavaScript = (object) => Object.assign(new type(), { [plain]: object });
  type.prototype.toJavaScript = function () {
    return this[plain] === undefined ? toJavaScript.call(this) : (copied(this[plain]) as PlainObject);
  };
  type.prototype.getFieldsMap = function (noLazyCreate) {
    const held = this[plain];
    this[plain] = undefined;
    if (held === undefined) return getFieldsMap.call(this, noLazyCreate);
    const map = getFieldsMap.call(this);
    for (const [key, value] of Object.entries(held)) map.set(key, valueType.fromJavaScript(value));
    return map;
  };
}

function readObject(reader: Reader): PlainObject {
  const found: [string, Plain][] = [];
  eachField(reader, (field) => {
    if (field !== entries) return false;
    let [key, value]: [string, Plain | undefined] = ["", undefined];
    reader.readMessage(null, () => {
      eachField(reader, (part) => {
        if (part === entryKey) key = reader.readString();
        else if (part === entryValue) reader.readMessage(null, () => (value = readValue(reader)));
        else return false;
        return true;
      });
    });
    found.push([key, known(value)]);
    return true;
  });
  // Of its own also where the key is __proto__.
  return Object.fromEntries(found);
}

function readList(reader: Reader): readonly Plain[] {
  const list: Plain[] = [];
  eachField(reader, (field) => {
    if (field !== items) return false;
    reader.readMessage(null, () => list.push(known(readValue(reader))));
    return true;
  });
  return list;
}

/** Undefined for a value of no kind. */
function readValue(reader: Reader): Plain | undefined {
  let value: Plain | undefined;
  eachField(reader, (field) => {
    if (field === kinds.string) value = reader.readString();
    else if (field === kinds.struct) reader.readMessage(null, () => (value = readObject(reader)));
    else if (field === kinds.list) reader.readMessage(null, () => (value = readList(reader)));
    else if (field === kinds.bool) value = reader.readBool();
    else if (field === kinds.number) value = reader.readDouble();
    else if (field === kinds.null) [value] = [null, reader.readEnum()];
    else return false;
    return true;
  });
  return value;
}

/** Goes through the fields of a message, and passes over those that are not read. */
function eachField(reader: Reader, read: (field: number) => boolean): void {
  while (reader.nextField() && !reader.isEndGroup()) if (!read(reader.getFieldNumber())) reader.skipField();
}

function known(value: Plain | undefined): Plain {
  if (value === undefined) throw new Error("Unexpected struct type");
  return value;
}

function writeObject(object: PlainObject, writer: Writer): void {
  for (const entry of Object.entries(object)) {
    writer.writeMessage(entries, entry, ([key, value]) => {
      writer.writeString(entryKey, key);
      writer.writeMessage(entryValue, [value], writeValue);
    });
  }
}

/** @param held - The value, in something that is never null: a null message is not written. */
function writeValue([value]: readonly [Plain], writer: Writer): void {
  if (value === null) writer.writeEnum(kinds.null, 0);
  else if (typeof value === "string") writer.writeString(kinds.string, value);
  else if (typeof value === "number") writer.writeDouble(kinds.number, value);
  else if (typeof value === "boolean") writer.writeBool(kinds.bool, value);
  else if (Array.isArray(value))
    writer.writeMessage(kinds.list, value as readonly Plain[], (list) => {
      for (const item of list) writer.writeMessage(items, [item], writeValue);
    });
  else if (typeof value === "object") writer.writeMessage(kinds.struct, value as PlainObject, writeObject);
  else throw new Error("Unexpected struct type.");
}

/** What was handed over may be changed by whoever has it. */
function copied(value: Plain): Plain {
  if (Array.isArray(value)) return (value as readonly Plain[]).map(copied);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copied(each)]));
}
