import { z } from 'zod';
import { isObject } from './stored.js';

type Test = (value: unknown) => boolean;

/**
 * A parser for what we wrote ourselves. A value that is as the schema says is returned as it is, after one walk over it: zod would build all of it
 * anew, which takes ten times as long. Anything else (a default to fill in, a fault to name) is left to the schema. Fields that the
 * schema does not know stay.
 */
export function fastParser<T>(schema: z.ZodType<T>): (value: unknown) => T {
  const test = testOf(schema);
  const isSound = (value: unknown): value is T => test(value);
  return (value) => (isSound(value) ? value : schema.parse(value));
}

/** True only for what the schema takes and would leave unchanged. Schemas of other kinds than ours, and with further checks, decide for themselves. */
function testOf(schema: unknown): Test {
  if (!(schema instanceof z.ZodType) || (schema.def.checks ?? []).length > 0) return () => false;
  if (schema instanceof z.ZodUnknown) return () => true;
  if (schema instanceof z.ZodString) return (value) => typeof value === 'string';
  if (schema instanceof z.ZodNumber) return Number.isFinite;
  if (schema instanceof z.ZodBoolean) return (value) => typeof value === 'boolean';
  if (schema instanceof z.ZodEnum) return oneOf(schema.options);
  if (schema instanceof z.ZodLiteral) return oneOf([...schema.values]);
  if (schema instanceof z.ZodDefault) return testOf(schema.unwrap());
  if (schema instanceof z.ZodNullable) return orElse((value) => value === null, testOf(schema.unwrap()));
  if (schema instanceof z.ZodOptional) return orElse((value) => value === undefined, testOf(schema.unwrap()));
  if (schema instanceof z.ZodArray) return arrayOf(testOf(schema.element));
  if (schema instanceof z.ZodTuple && schema.def.rest === null) return tupleOf(schema.def.items.map(testOf));
  if (schema instanceof z.ZodRecord) return recordOf(testOf(schema.valueType));
  if (schema instanceof z.ZodObject) return objectOf(schema.shape);
  if (schema instanceof z.ZodUnion) return schema.options.map(testOf).reduce(orElse);
  return () => false;
}

const orElse =
  (one: Test, other: Test): Test =>
  (value) =>
    one(value) || other(value);

function oneOf(values: readonly unknown[]): Test {
  const known = new Set(values);
  return (value) => known.has(value);
}

function arrayOf(test: Test): Test {
  return (value) => Array.isArray(value) && value.every((item) => test(item));
}

function tupleOf(tests: readonly Test[]): Test {
  return (value) =>
    Array.isArray(value) && value.length === tests.length && tests.every((test, position) => test(value[position]));
}

function objectOf(shape: Readonly<Record<string, unknown>>): Test {
  const tests = Object.entries(shape).map(([name, schema]) => [name, testOf(schema)] as const);
  return (value) => {
    if (!isObject(value)) return false;
    for (const [name, test] of tests) if (!test(value[name])) return false;
    return true;
  };
}

function recordOf(test: Test): Test {
  return (value) => {
    if (!isObject(value)) return false;
    for (const name in value) if (!test(value[name])) return false;
    return true;
  };
}
