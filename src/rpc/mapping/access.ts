import {
  AccessBindingAction,
  type AccessBinding as AccessBindingMessage,
  type SetAccessBindingsRequest,
  type UpdateAccessBindingsRequest,
} from '../../../gen/ts/longshore/access/v1/access.js';
import type { AccessBinding, AccessBindingDelta } from '../../domain/access.js';
import type { SetBindingsDraft, UpdateBindingsDraft } from '../../domain/access-request.js';
import type { FieldViolation } from '../../domain/errors.js';
import { type EnumTable, readEnum } from './values.js';

const ACTION: EnumTable<AccessBindingDelta['action'] | null> = new Map([
  [AccessBindingAction.ACCESS_BINDING_ACTION_UNSPECIFIED, null],
  [AccessBindingAction.ADD, 'ADD'],
  [AccessBindingAction.REMOVE, 'REMOVE'],
]);

export function fromSetBindings({ resourceId, accessBindings }: SetAccessBindingsRequest): SetBindingsDraft {
  return { containerId: resourceId, bindings: accessBindings.map(fromBinding) };
}

export function fromUpdateBindings({
  resourceId,
  accessBindingDeltas,
}: UpdateAccessBindingsRequest): UpdateBindingsDraft {
  const malformed: FieldViolation[] = [];
  const deltas = accessBindingDeltas.map(({ action, accessBinding }, index) => ({
    action: readEnum(malformed, `access_binding_deltas[${index}].action`, action, ACTION, null),
    binding: fromBinding(accessBinding),
  }));
  return { containerId: resourceId, deltas, malformed };
}

function fromBinding(binding: AccessBindingMessage | undefined): AccessBinding {
  return {
    roleId: binding?.roleId ?? '',
    subjectId: binding?.subject?.id ?? '',
    subjectType: binding?.subject?.type ?? '',
  };
}

export function toBinding({ roleId, subjectId, subjectType }: AccessBinding): AccessBindingMessage {
  return { roleId, subject: { id: subjectId, type: subjectType } };
}
