import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_empty,
} from '@bufbuild/protobuf/wkt';
import { nameOn, SURFACES, type Surface } from './surfaces.js';

/** What reflection answers from: descriptors as bytes, found by file, symbol and extension. */
export interface Descriptors {
  /** The file and all that it imports, itself first; null if there is none of this name. */
  file(name: string): Uint8Array[] | null;
  /** As `file`, for the file that defines a service, method, message, field, enum or enum value. */
  fileOf(symbol: string): Uint8Array[] | null;
  fileOfExtension(type: string, number: number): Uint8Array[] | null;
  /** Numbers of the known extensions of a message; null if there is no such message. */
  extensionNumbers(type: string): number[] | null;
}

/** Reflection's older name; its messages are those of v1. It is derived like the names of a surface. */
const REFLECTION_ALPHA: Surface = {
  name: 'reflection v1alpha',
  packages: new Map([['grpc.reflection.v1', 'grpc.reflection.v1alpha']]),
};

/** `set` is a FileDescriptorSet with our names. The files that other surfaces rename are there under their names as well. */
export function createDescriptors(set: Uint8Array): Descriptors {
  const ours = [...fromBinary(FileDescriptorSetSchema, set).file, file_google_protobuf_empty.proto];
  const files = new Map(ours.map((file) => [file.name, file]));
  for (const surface of [...SURFACES, REFLECTION_ALPHA]) {
    for (const file of ours) {
      const renamed = rename(surface, file);
      files.set(renamed.name, renamed);
    }
  }
  const symbols = new Map<string, string>();
  const extensions = new Map<string, Map<number, string>>();
  for (const file of files.values()) {
    for (const symbol of symbolsOf(file)) symbols.set(symbol, file.name);
    for (const extension of extensionsOf(file)) {
      const type = extension.extendee.slice(1);
      const known = extensions.get(type) ?? new Map<number, string>();
      extensions.set(type, known.set(extension.number, file.name));
    }
  }
  const file = (name: string | undefined) => (name === undefined ? null : withImports(files, name));
  return {
    file,
    fileOf: (symbol) => file(symbols.get(symbol)),
    fileOfExtension: (type, number) => file(extensions.get(type)?.get(number)),
    extensionNumbers: (type) => (symbols.has(type) ? [...(extensions.get(type)?.keys() ?? [])] : null),
  };
}

function withImports(files: ReadonlyMap<string, FileDescriptorProto>, name: string): Uint8Array[] | null {
  if (!files.has(name)) return null;
  const found = new Map<string, Uint8Array>();
  const add = (next: string) => {
    const file = files.get(next);
    if (file === undefined || found.has(next)) return;
    found.set(next, toBinary(FileDescriptorProtoSchema, file));
    file.dependency.forEach(add);
  };
  add(name);
  return [...found.values()];
}

/** The file as the surface names it; options, numbers and everything else are kept as they are. */
function rename(surface: Surface, original: FileDescriptorProto): FileDescriptorProto {
  const file = clone(FileDescriptorProtoSchema, original);
  // References are fully qualified and begin with a dot.
  const reference = (name: string) => `.${nameOn(surface, name.slice(1))}`;
  const field = (renamed: FieldDescriptorProto) => {
    // These have presence: an empty one would count as set, and clients refuse the file.
    if (renamed.typeName !== '') renamed.typeName = reference(renamed.typeName);
    if (renamed.extendee !== '') renamed.extendee = reference(renamed.extendee);
  };
  const message = (renamed: DescriptorProto) => {
    renamed.field.forEach(field);
    renamed.extension.forEach(field);
    renamed.nestedType.forEach(message);
  };
  file.name = fileOn(surface, file.name);
  file.dependency = file.dependency.map((name) => fileOn(surface, name));
  file.package = nameOn(surface, file.package);
  file.messageType.forEach(message);
  file.extension.forEach(field);
  for (const method of file.service.flatMap((service) => service.method)) {
    method.inputType = reference(method.inputType);
    method.outputType = reference(method.outputType);
  }
  return file;
}

/** Files lie in folders that are called like their packages. */
function fileOn(surface: Surface, path: string): string {
  const [, folder = '', name = path] = /^(.+)\/([^/]+)$/.exec(path) ?? [];
  const renamed = nameOn(surface, folder.replaceAll('/', '.'));
  return folder === '' ? path : `${renamed.replaceAll('.', '/')}/${name}`;
}

function symbolsOf(file: FileDescriptorProto): string[] {
  const within = (scope: string, name: string) => (scope === '' ? name : `${scope}.${name}`);
  const enums = (scope: string, list: FileDescriptorProto['enumType']) =>
    list.flatMap((one) => [within(scope, one.name), ...one.value.map((value) => within(scope, value.name))]);
  const messages = (scope: string, list: readonly DescriptorProto[]): string[] =>
    list.flatMap((one) => {
      const name = within(scope, one.name);
      const members = [...one.field, ...one.oneofDecl, ...one.extension].map((member) => within(name, member.name));
      return [name, ...members, ...enums(name, one.enumType), ...messages(name, one.nestedType)];
    });
  const services = file.service.flatMap((service) => {
    const name = within(file.package, service.name);
    return [name, ...service.method.map((method) => within(name, method.name))];
  });
  const extensions = file.extension.map((extension) => within(file.package, extension.name));
  return [
    ...messages(file.package, file.messageType),
    ...enums(file.package, file.enumType),
    ...services,
    ...extensions,
  ];
}

function extensionsOf(file: FileDescriptorProto): FieldDescriptorProto[] {
  const nested = (message: DescriptorProto): FieldDescriptorProto[] => [
    ...message.extension,
    ...message.nestedType.flatMap(nested),
  ];
  return [...file.extension, ...file.messageType.flatMap(nested)];
}
