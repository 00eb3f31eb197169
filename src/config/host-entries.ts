import { parseDocument } from 'yaml';
import { z } from 'zod';
import { nearest } from './nearest.js';

export const DEFAULT_PORTS = '40000-65535';

const gpuSchema = z.strictObject({
  uuid: z.string().regex(/^(GPU|MIG)-[0-9A-Za-z/-]+$/, 'is not a GPU UUID as `nvidia-smi -L` shows it: GPU-...'),
  name: z.string().min(1, 'must not be empty').max(128),
  memory_mib: z.int().positive(),
});

const tlsSchema = z.strictObject({ ca: z.string(), cert: z.string(), key: z.string() });

const hostSchema = z.strictObject({
  name: z
    .string()
    .max(63, 'is longer than 63 characters')
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and dashes'),
  endpoint: z.string(),
  address: z.string().optional(),
  tls: tlsSchema.optional(),
  labels: z.record(z.string().min(1), z.string()).default({}),
  gpus: z
    .union([z.literal('auto'), z.literal('none'), z.array(gpuSchema)], {
      error: 'must be auto, none, or a list of {uuid, name, memory_mib}',
    })
    .default('auto'),
  ports: z.string().default(DEFAULT_PORTS),
  gone: z.boolean().default(false),
});

const fileSchema = z.strictObject({ hosts: z.array(z.unknown()).min(1, 'must name at least one host') });

export type HostFields = z.output<typeof hostSchema>;

/** One host of the file, as far as it can be read, so that a fault in one field hides none in the others. */
export interface HostEntry {
  /** Complete with defaults; what stands in a field that is wrong means nothing. */
  readonly fields: HostFields;
  /** Names of the fields that are wrong, unknown ones included. */
  readonly wrong: ReadonlySet<PropertyKey>;
}

/** Where a fault is: member names and indexes from the top of the file; none for the file as a whole. */
export type FieldPath = readonly PropertyKey[];
type Report = (path: FieldPath, message: string) => void;

const STAND_IN: HostFields = {
  name: 'none',
  endpoint: '',
  labels: {},
  gpus: 'none',
  ports: DEFAULT_PORTS,
  gone: false,
};

/** The entries of a hosts file, in its order; null stands for one that cannot be read at all. All that is wrong is reported. */
export function parseHostEntries(text: string, report: Report): readonly (HostEntry | null)[] {
  const document = parseDocument(text, { uniqueKeys: true });
  for (const error of document.errors) report([], `is not good YAML: ${error.message.split('\n')[0]}`);
  if (document.errors.length > 0) return [];
  const content: unknown = document.toJS();
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) reportIssues(parsed.error.issues, Object.keys(fileSchema.shape), report);
  const hosts = parsed.success ? parsed.data.hosts : listIn(content);
  return hosts.map((host, index) => parseEntry(host, (path, message) => report(['hosts', index, ...path], message)));
}

function parseEntry(value: unknown, report: Report): HostEntry | null {
  const parsed = hostSchema.safeParse(value);
  if (parsed.success) return { fields: parsed.data, wrong: new Set() };
  const wrong = reportIssues(parsed.error.issues, Object.keys(hostSchema.shape), report);
  if (typeof value !== 'object' || value === null) return null;
  const right = Object.entries(value).filter(([field]) => !wrong.has(field));
  const rest = hostSchema.safeParse({ ...STAND_IN, ...Object.fromEntries(right) });
  return rest.success ? { fields: rest.data, wrong } : null;
}

/** The hosts of a file that has other faults. */
function listIn(content: unknown): readonly unknown[] {
  const rest = z.looseObject({ hosts: z.array(z.unknown()) }).safeParse(content);
  return rest.success ? rest.data.hosts : [];
}

/** `fields` are those at the top. Returns the names there that something is wrong at. */
function reportIssues(issues: readonly z.core.$ZodIssue[], fields: readonly string[], report: Report) {
  const faults = issues.flatMap(innermost).flatMap((issue) => faultsOf(issue, fields));
  for (const { path, message } of faults) report(path, message);
  return new Set(faults.flatMap(({ path }) => path.slice(0, 1)));
}

/** Of a choice, what is wrong with the one that was meant: the one that went wrong inside and not as a whole. */
function innermost(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find((choice) => choice.length > 0 && choice.every(({ path }) => path.length > 0));
  return meant?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}

function faultsOf(issue: z.core.$ZodIssue, fields: readonly string[]): { path: FieldPath; message: string }[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownField(key, fieldsAt(path) ?? fields) }));
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ path, message: missing ? 'is missing' : issue.message }];
}

function fieldsAt([field]: FieldPath): readonly string[] | null {
  if (field === 'tls') return Object.keys(tlsSchema.shape);
  return field === 'gpus' ? Object.keys(gpuSchema.shape) : null;
}

function unknownField(name: string, fields: readonly string[]): string {
  const meant = nearest(name, fields);
  return `there is no such field; ${meant ? `${meant} is the nearest one` : `there are ${fields.join(', ')}`}`;
}
