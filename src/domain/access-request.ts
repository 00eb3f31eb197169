import type { AccessBinding, AccessBindingDelta } from './access.js';
import { checkRequired, checkText, type Found, refuseIfAny } from './checks.js';
import { checkId } from './container-request.js';
import type { FieldViolation } from './errors.js';

export const MAX_BINDINGS = 1_000;

/** SetAccessBindings as it came. A binding whose subject is absent has an empty one. */
export interface SetBindingsDraft {
  readonly containerId: string;
  readonly bindings: readonly AccessBinding[];
}

/** UpdateAccessBindings as it came; a delta's action is null where it was unspecified. */
export interface UpdateBindingsDraft {
  readonly containerId: string;
  readonly deltas: readonly { readonly action: AccessBindingDelta['action'] | null; readonly binding: AccessBinding }[];
  /** What the transport found wrong already: enum values that nobody knows. */
  readonly malformed: readonly FieldViolation[];
}

export function checkSetBindings({ containerId, bindings }: SetBindingsDraft): void {
  const found: Found = [];
  checkId(found, 'resource_id', containerId);
  if (bindings.length > MAX_BINDINGS) found.push(tooMany('access_bindings', 0));
  else bindings.forEach((binding, index) => checkBinding(found, `access_bindings[${index}]`, binding));
  refuseIfAny(found);
}

export function readDeltas({ containerId, deltas, malformed }: UpdateBindingsDraft): readonly AccessBindingDelta[] {
  const found: Found = [...malformed];
  checkId(found, 'resource_id', containerId);
  if (deltas.length === 0 || deltas.length > MAX_BINDINGS) {
    found.push(tooMany('access_binding_deltas', 1));
    refuseIfAny(found);
  }
  const read = deltas.map(({ action, binding }, index): AccessBindingDelta => {
    const field = `access_binding_deltas[${index}]`;
    if (action === null && !malformed.some((violation) => violation.field === `${field}.action`))
      found.push({ field: `${field}.action`, description: 'is required: ADD or REMOVE' });
    checkBinding(found, `${field}.access_binding`, binding);
    return { action: action ?? 'ADD', binding };
  });
  refuseIfAny(found);
  return read;
}

const tooMany = (field: string, least: number): FieldViolation => ({
  field,
  description: `must have ${least} to ${MAX_BINDINGS} entries`,
});

function checkBinding(found: Found, field: string, { roleId, subjectId, subjectType }: AccessBinding): void {
  for (const [path, value, max] of [
    ['role_id', roleId, 64],
    ['subject.id', subjectId, 100],
    ['subject.type', subjectType, 100],
  ] as const) {
    checkRequired(found, `${field}.${path}`, value);
    checkText(found, `${field}.${path}`, value, { max });
  }
}
