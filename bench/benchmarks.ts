import type { Benchmark } from './benchmark.js';

/** In the order in which they run and are printed. A new one is a file in rows/ and a line here. */
export const BENCHMARKS: readonly Benchmark[] = [];
