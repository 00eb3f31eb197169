import type { Benchmark } from './benchmark.js';
import { get } from './rows/get.js';
import { ingress } from './rows/ingress.js';
import { ingressBulk } from './rows/ingress-bulk.js';

/** In the order in which they run and are printed. A new one is a file in rows/ and a line here. */
export const BENCHMARKS: readonly Benchmark[] = [get, ingress, ingressBulk];
