/** Who (`subjectId` of `subjectType`) may do what (`roleId`) to a container. Stored and returned; decides nothing while authentication is off. */
export interface AccessBinding {
  readonly roleId: string;
  readonly subjectId: string;
  readonly subjectType: string;
}

export interface AccessBindingDelta {
  readonly action: 'ADD' | 'REMOVE';
  readonly binding: AccessBinding;
}

const same = (one: AccessBinding, other: AccessBinding): boolean =>
  one.roleId === other.roleId && one.subjectId === other.subjectId && one.subjectType === other.subjectType;

/** Applies the deltas in order. Adding what is there and removing what is not change nothing. */
export function applyDeltas(
  bindings: readonly AccessBinding[],
  deltas: readonly AccessBindingDelta[],
): readonly AccessBinding[] {
  let result = bindings;
  for (const { action, binding } of deltas) {
    const rest = result.filter((existing) => !same(existing, binding));
    if (action === 'REMOVE') result = rest;
    else if (rest.length === result.length) result = [...rest, binding];
  }
  return result;
}
