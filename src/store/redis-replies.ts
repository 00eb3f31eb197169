import { z } from 'zod';
import { fastParser } from './fast-parser.js';

/** Shapes of what scripts and commands reply; everything from Redis is text, but for script integers. */
export const pairs = z.array(z.string());
export const texts = z.array(z.string());
export const integer = z.coerce.number().int();
export const commitReply = fastParser(
  z.union([
    z.tuple([z.enum(['COMMITTED', 'REPEATED']), z.string(), z.string()]),
    z.tuple([z.literal('NAME_TAKEN'), z.string()]),
    z.tuple([z.literal('TOO_NEW'), z.string(), z.coerce.number().int()]),
    z.tuple([z.enum(['KEY_REUSED', 'CHANGED', 'CONTAINER_NOT_FOUND', 'REVISION_NOT_FOUND', 'DELETING'])]),
  ]),
);
