import type { Call } from './call.js';

/** What a caller wants to do, named after the API's methods. */
export type Permission =
  | 'containers.get'
  | 'containers.list'
  | 'containers.create'
  | 'containers.update'
  | 'containers.delete'
  | 'containers.deploy'
  | 'containers.rollback'
  | 'containers.stop'
  | 'containers.start'
  | 'containers.listAccessBindings'
  | 'containers.setAccessBindings'
  | 'operations.get'
  | 'operations.list'
  | 'operations.cancel';

/** On what: a folder, a container, a revision or an operation, by its id as it came, which may be of nothing. */
export interface Resource {
  readonly type: 'folder' | 'container' | 'revision' | 'operation';
  readonly id: string;
}

export interface Authorizer {
  /** Returns if `call.subject` may; fails with DomainError PERMISSION_DENIED otherwise. Called first, before anything is read or checked. */
  authorize(call: Call, permission: Permission, resource: Resource): Promise<void>;
}

/** Everybody may do everything: what holds while there is no authentication. Start-up has to say so. */
export const allowAll: Authorizer = { authorize: () => Promise.resolve() };
